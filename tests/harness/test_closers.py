"""Exact and sampled agree where the vocabulary holds `}` with a newline or a full stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diffbench.answers import Valid, make_answer_key, read_reply
from diffbench.engine.sampling import Sampler
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import run_task
from diffbench.models import parse_model
from diffbench.models.load import LoadOptions, load_model
from diffbench.options import RunOptions
from diffbench.suite import Prompt, TaskDefinition
from diffbench.targets import Outcome, make_target
from tests.helpers import TEMPLATE, byte_tokenizer, plain_log_p, save_model

N = 200_000


def _definition() -> TaskDefinition:
    target = make_target([Outcome(text=text) for text in ("1", "2", "10")])
    return TaskDefinition(
        name="tiny",
        family="tiny",
        title="tiny",
        version="1",
        reference="uniform",
        target=target,
        key=make_answer_key(target),
        prompts=(Prompt(id="p", split="train", text="one, two or ten?"),),
        split="train",
        mode="exact",
        file="tiny.yaml",
    )


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> EngineLM:
    folder = save_model(tmp_path_factory.mktemp("model"), template=TEMPLATE)
    lm = EngineLM(load_model(parse_model(f"hf:{folder}"), LoadOptions(device="cpu")))
    _prefer_answers(lm)
    return lm


def _prefer_answers(lm: EngineLM) -> None:
    """Make brace and digit tokens likely, so that valid answers occur."""
    wanted = set(lm.tokenizer.encode("{}12", add_special_tokens=False))
    wanted |= set(lm.tokenizer.convert_tokens_to_ids(["10", "}.", "}Ċ", "Ġ{"]))
    bias = torch.zeros(len(lm.tokenizer))
    bias[sorted(wanted)] = 10.0
    lm.model.lm_head.register_forward_hook(lambda _module, _inputs, logits: logits + bias)


def test_sampled_counts_every_closing_token_that_exact_sums(lm: EngineLM) -> None:
    definition = _definition()
    exact = run_task(lm, definition, RunOptions(model="demo")).result.prompts[0]
    context = lm.apply_chat_template([{"role": "user", "content": exact.text}])
    sampler = Sampler(
        lm.model,
        is_complete=lambda reply: bool(lm.vocabulary.closing_braces[reply[-1]]),
        ends=[1],
    )
    found = sampler.sample(lm.tok_encode(context), N, max_new_tokens=6, seed=0)
    counts, closed_by = np.zeros(3), set()
    for reply in found:
        text = lm.vocabulary.decode_reply(reply.tokens)
        answer = read_reply(text, definition.key)
        canonical = lm.vocabulary.encode_reply(text[: text.find("}") + 1]) or []
        if isinstance(answer, Valid) and list(reply.tokens[:-1]) == canonical[:-1]:
            counts[answer.outcome] += reply.count
            closed_by.add(lm.vocabulary.texts[reply.tokens[-1]])
    q = np.array(exact.probabilities)
    assert q.sum() * N > 500, "the test must see valid answers"
    assert {"}", "}.", "}\n"} <= closed_by
    np.testing.assert_array_less(np.abs(counts / N - q), 5 * np.sqrt(q / N) + 5 / N)


def test_exact_sums_them_and_canonical_does_not(lm: EngineLM) -> None:
    definition = _definition()
    tokenizer = byte_tokenizer()
    exact = run_task(lm, definition, RunOptions(model="demo")).result.prompts[0]
    context = lm.tok_encode(
        lm.apply_chat_template([{"role": "user", "content": exact.text}])
    )
    closing = tokenizer.convert_tokens_to_ids(["}", "}.", "}Ċ"])
    expected, canonical = 0.0, 0.0
    for lead_in in ("", " ", "\n"):
        reply = tokenizer.encode(f"{lead_in}{{10}}", add_special_tokens=False)
        steps = plain_log_p(lm.model, context, reply)
        before = float(sum(steps[i, t] for i, t in enumerate(reply[:-1])))
        last = steps[-1].exp()
        expected += np.exp(before) * float(last[closing].sum())
        canonical += np.exp(before) * float(last[reply[-1]])
    assert exact.probabilities is not None
    assert exact.probabilities[2] == pytest.approx(expected, rel=1e-4)
    plain = EngineLM.__new__(EngineLM)
    plain.__dict__ = {**lm.__dict__, "protocol": "exact-canonical"}
    lower = run_task(plain, definition, RunOptions(model="demo")).result.prompts[0]
    assert lower.probabilities is not None
    assert lower.probabilities[2] == pytest.approx(canonical, rel=1e-4)
    assert canonical < expected


def test_model_folder_is_left_alone(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m", template=None)
    before = sorted(path.name for path in folder.iterdir())
    load_model(parse_model(f"hf:{folder}"), LoadOptions(device="cpu"))
    assert sorted(path.name for path in folder.iterdir()) == before
