"""What the shipped recipes reach on the demo model, on the CPU."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

from diffbench import TuneOptions, load_results, tune
from diffbench.answers import answer_string
from diffbench.engine.vocabulary import Vocabulary
from diffbench.models import parse_model
from diffbench.models.load import LoadOptions, load_model
from diffbench.results import RunResult, TargetRecord
from diffbench.tuning.record import load_record

pytestmark = pytest.mark.slow


def _mean(result: RunResult, metric: str, split: str) -> float:
    values = [task.metrics[metric].value for task in result.tasks if task.split == split]
    known = [value for value in values if value is not None]
    assert len(known) == len(values) > 0
    return fmean(known)


def test_all_core_families_draw_as_asked(tmp_path: Path) -> None:
    tuned = tune(TuneOptions(model="demo", recipe="all", output=tmp_path / "out"))
    after = load_results(tmp_path / "out" / "tuned")
    assert _mean(after, "overlap", "train") > 0.93
    assert _mean(after, "valid_mass", "train") > 0.95
    (plain,) = tuned.record.retention
    # Six of 175 were lost when this was measured; the recipe `guarded` is there for that.
    assert plain.after >= plain.before - 0.06
    before = load_results(tmp_path / "out" / "base")
    # Held-out wordings and ranges gain too; by how much stands in the docs.
    gain = _mean(after, "overlap", "held_out") - _mean(before, "overlap", "held_out")
    assert gain > 0.2


def test_a_natural_target_is_drawn_as_well_as_the_model_can(tmp_path: Path) -> None:
    """An adapter leaves the output layer as it is, and that has a least KL of its own."""
    tune(TuneOptions(model="demo", recipe="weighted", output=tmp_path / "out"))
    before, after = (load_results(tmp_path / "out" / name) for name in ("base", "tuned"))
    assert _mean(before, "kl", "train") >= 10 * _mean(after, "kl", "train")
    tasks = [
        next(task for task in result.tasks if task.split == "train")
        for result in (before, after)
    ]
    ratios = [task.metrics["top_ratio"].value or 0.0 for task in tasks]
    assert ratios[1] < ratios[0] / 10
    record = load_record(tmp_path / "out")
    assert record is not None
    gap = record.curve[-1].loss - record.optimum
    assert gap == pytest.approx(_least_kl(tasks[0].target), abs=0.02)


def _least_kl(target: TargetRecord) -> float:
    """Return the least KL over all hidden states of the names' first tokens, in nats.

    All names begin with the same brace and differ behind it; there the model can choose a
    direction of its last hidden state, whose length its last norm fixes.
    """
    loaded = load_model(parse_model("demo"), LoadOptions(device="cpu"))
    vocabulary = Vocabulary(loaded.tokenizer, loaded.model.config.vocab_size)
    answers = [answer_string(outcome) for outcome in target.outcomes]
    replies = vocabulary.encode_replies(answers)
    p = torch.zeros(vocabulary.size, dtype=torch.float64)
    for reply, weight in zip(replies, target.probabilities, strict=True):
        assert reply is not None
        assert loaded.tokenizer.decode(reply[:1]) == "{"
        p[reply[1]] += weight
    model: Any = loaded.model
    outputs = model.get_output_embeddings().weight.detach().double()
    norm = model.model.norm.weight.detach().double()
    torch.manual_seed(0)
    state = torch.randn(outputs.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([state], lr=0.05)
    for step in range(5000):
        if step == 4000:
            optimizer.param_groups[0]["lr"] = 0.005
        hidden = state / state.pow(2).mean().sqrt() * norm
        loss = -(p * torch.log_softmax(outputs @ hidden, dim=-1)).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    entropy = -(p[p > 0] * p[p > 0].log()).sum()
    return float(loss.detach() - entropy)
