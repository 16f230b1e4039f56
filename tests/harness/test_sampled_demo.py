"""20,000 sampled replies against the exact distribution, on every core prompt."""

from __future__ import annotations

import numpy as np
import pytest

from diffbench.answers import Valid, read_reply
from diffbench.engine.sampling import SampledReply, Sampler
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import run_task
from diffbench.models.load import LoadedModel
from diffbench.options import RunOptions
from diffbench.suite import TaskDefinition, shipped_catalog

CATALOG = shipped_catalog()
N = 20_000
# Five standard errors, over some 4,600 comparisons; one reply for what is rarer than 1/N.
ERRORS = 5.0


@pytest.fixture(scope="module")
def lm(demo: LoadedModel) -> EngineLM:
    return EngineLM(demo)


def _split_by_tokens(
    lm: EngineLM, definition: TaskDefinition, found: list[SampledReply]
) -> tuple[np.ndarray, np.ndarray]:
    """Count each outcome's replies in canonical tokens, and in any others."""
    canonical = np.zeros(definition.target.size)
    other = np.zeros(definition.target.size)
    for reply in found:
        text = lm.vocabulary.decode_reply(reply.tokens)
        answer = read_reply(text, definition.key)
        if not isinstance(answer, Valid):
            continue
        scored = tuple(lm.vocabulary.encode_reply(text) or ()) == reply.tokens
        (canonical if scored else other)[answer.outcome] += reply.count
    return canonical, other


@pytest.mark.parametrize("name", CATALOG.groups["diffbench_core"].tasks)
def test_sampling_agrees_with_the_exact_distribution(name: str, lm: EngineLM) -> None:
    definition = CATALOG.tasks[name]
    exact = run_task(lm, definition, RunOptions(model="demo")).result
    sampler = Sampler(
        lm.model,
        is_complete=lambda reply: bool(lm.vocabulary.closing_braces[reply[-1]]),
        ends=[lm.tokenizer.eos_token_id],
    )
    for prompt, measured in zip(definition.measured_prompts, exact.prompts, strict=True):
        context = lm.apply_chat_template([{"role": "user", "content": prompt.text}])
        # A country's name may take 18 tokens.
        found = sampler.sample(lm.tok_encode(context), N, max_new_tokens=32, seed=1)
        canonical, other = _split_by_tokens(lm, definition, found)
        q = np.array(measured.probabilities)
        error = ERRORS * np.sqrt(q * (1 - q) / N) + ERRORS / N
        # The exact value counts canonical tokens; what else is valid is the named gap.
        np.testing.assert_array_less(np.abs(canonical / N - q), error)
        gap = other.sum() / N
        valid = (canonical.sum() + other.sum()) / N
        mass = q.sum()
        spread = ERRORS * np.sqrt(mass * (1 - mass) / N) + ERRORS / N
        assert abs(valid - gap - mass) <= spread
        assert gap <= 0.02, "the demo model speaks in canonical tokens"
