"""Exact numbers of the demo model against brute force, on every core prompt, every natural
task of few answers, and parts of those of thousands.

The brute force shares no code with the engine: each answer string is tokenised together
with its prompt by the tokenizer itself and scored in a row of its own, unpadded, by a plain
forward.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pytest
import torch

from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import run_task
from diffbench.models.load import LoadedModel
from diffbench.options import RunOptions
from diffbench.suite import shipped_catalog

CATALOG = shipped_catalog()
CORE = CATALOG.groups["diffbench_core"].tasks
NATURAL = CATALOG.groups["diffbench_natural"].tasks
_FEW = 60
_ROWS = 32


@pytest.fixture(scope="module")
def lm(demo: LoadedModel) -> EngineLM:
    return EngineLM(demo)


@torch.inference_mode()
def _brute_force(
    demo: LoadedModel, prompt: str, spellings: Sequence[tuple[str, ...]]
) -> list[float]:
    tokenizer = demo.tokenizer
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
    )
    context = tokenizer.encode(rendered, add_special_tokens=False)
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    by_length: dict[int, list[tuple[int, list[int]]]] = {}
    for outcome, accepted in enumerate(spellings):
        for answer in _answers(accepted):
            ids = tokenizer.encode(str(rendered) + answer, add_special_tokens=False)
            assert ids[: len(context)] == context
            by_length.setdefault(len(ids), []).append((outcome, ids))
    closing = cache(
        lambda rest: [t for t, text in enumerate(texts) if text.startswith(rest)]
    )
    q = [0.0] * len(spellings)
    for each in by_length.values():
        for first in range(0, len(each), _ROWS):
            outcomes, rows = zip(*each[first : first + _ROWS], strict=True)
            logits = demo.model(torch.tensor(rows)[:, :-1]).logits.double()
            steps = torch.log_softmax(logits[:, len(context) - 1 :], dim=-1)
            for outcome, ids, said in zip(outcomes, rows, steps, strict=True):
                *before, last = ids[len(context) :]
                log_p = sum(float(said[i, token]) for i, token in enumerate(before))
                ends = said[-1, closing(texts[last])]
                q[outcome] += math.exp(log_p + float(torch.logsumexp(ends, dim=0)))
    return q


def _answers(accepted: tuple[str, ...]) -> Iterator[str]:
    for spelling in accepted:
        for lead_in in ("", " ", "\n"):
            yield f"{lead_in}{{{spelling}}}"


def _n_spellings(name: str) -> int:
    return sum(map(len, CATALOG.tasks[name].key.spellings))


def _tasks() -> Iterator[object]:
    """Mark the tasks of many answers slow; CI runs them all."""
    for name in CORE:
        yield pytest.param(
            name, marks=[pytest.mark.slow] if _n_spellings(name) > _FEW else []
        )
    yield from (name for name in NATURAL if _n_spellings(name) <= _FEW)


@pytest.mark.parametrize("name", list(_tasks()))
def test_every_prompt_equals_brute_force(
    name: str, demo: LoadedModel, lm: EngineLM
) -> None:
    definition = CATALOG.tasks[name]
    result = run_task(lm, definition, RunOptions(model="demo")).result
    assert [prompt.id for prompt in result.prompts] == [
        prompt.id for prompt in definition.measured_prompts
    ]
    for prompt, measured in zip(definition.measured_prompts, result.prompts, strict=True):
        expected = _brute_force(demo, prompt.text, definition.key.spellings)
        assert measured.probabilities is not None
        np.testing.assert_allclose(
            np.log(measured.probabilities), np.log(expected), atol=1e-4
        )


# The longest answers, the most answers, and the most spellings of words.
LARGE = (
    "diffbench_people_occupation",
    "diffbench_people_first_name_living",
    "diffbench_places_city",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_supports_equal_brute_force_where_compared(
    name: str, demo: LoadedModel, lm: EngineLM
) -> None:
    definition = CATALOG.tasks[name]
    result = run_task(lm, definition, RunOptions(model="demo", limit=1)).result
    (measured,) = result.prompts
    assert measured.probabilities is not None
    assert len(measured.probabilities) == definition.target.size
    compared = np.linspace(0, definition.target.size - 1, 12).astype(int)
    expected = _brute_force(
        demo, measured.text, [definition.key.spellings[i] for i in compared]
    )
    np.testing.assert_allclose(
        np.log(np.array(measured.probabilities)[compared]), np.log(expected), atol=1e-3
    )
