"""Exact numbers of the demo model against brute force, on every core prompt.

The brute force shares no code with the engine: each answer string is tokenised together
with its prompt by the tokenizer itself and scored alone, unpadded, by a plain forward.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import run_task
from diffbench.models.load import LoadedModel
from diffbench.options import RunOptions
from diffbench.suite import TaskDefinition, shipped_catalog

CATALOG = shipped_catalog()
CORE = CATALOG.groups["diffbench_core"].tasks


@pytest.fixture(scope="module")
def lm(demo: LoadedModel) -> EngineLM:
    return EngineLM(demo)


@torch.inference_mode()
def _brute_force(demo: LoadedModel, prompt: str, definition: TaskDefinition) -> list[float]:
    tokenizer = demo.tokenizer
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
    )
    context = tokenizer.encode(rendered, add_special_tokens=False)
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    q = []
    for accepted in definition.key.spellings:
        mass = 0.0
        for answer in _answers(accepted):
            ids = tokenizer.encode(str(rendered) + answer, add_special_tokens=False)
            assert ids[: len(context)] == context
            reply = ids[len(context) :]
            logits = demo.model(torch.tensor([ids[:-1]])).logits[0].double()
            steps = torch.log_softmax(logits[len(context) - 1 :], dim=-1)
            rest = texts[reply[-1]]
            closing = [t for t, text in enumerate(texts) if text.startswith(rest)]
            before = sum(float(steps[i, token]) for i, token in enumerate(reply[:-1]))
            mass += math.exp(before + float(torch.logsumexp(steps[-1, closing], dim=0)))
        q.append(mass)
    return q


def _answers(accepted: tuple[str, ...]) -> Iterator[str]:
    for spelling in accepted:
        for lead_in in ("", " ", "\n"):
            yield f"{lead_in}{{{spelling}}}"


def _core_tasks() -> Iterator[object]:
    """Mark the tasks of many answers slow; CI runs them all."""
    for name in CORE:
        n_spellings = sum(map(len, CATALOG.tasks[name].key.spellings))
        yield pytest.param(name, marks=[pytest.mark.slow] if n_spellings > 60 else [])


@pytest.mark.parametrize("name", list(_core_tasks()))
def test_every_core_prompt_equals_brute_force(
    name: str, demo: LoadedModel, lm: EngineLM
) -> None:
    definition = CATALOG.tasks[name]
    result = run_task(lm, definition, RunOptions(model="demo")).result
    assert [prompt.id for prompt in result.prompts] == [
        prompt.id for prompt in definition.measured_prompts
    ]
    for prompt, measured in zip(definition.measured_prompts, result.prompts, strict=True):
        expected = _brute_force(demo, prompt.text, definition)
        assert measured.probabilities is not None
        np.testing.assert_allclose(
            np.log(measured.probabilities), np.log(expected), atol=1e-4
        )
