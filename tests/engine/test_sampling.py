"""Sampling by counts against the exact law of the replies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare
from transformers import MambaConfig, MambaForCausalLM, PreTrainedModel

from diffbench.engine.sampling import SampledReply, Sampler
from tests.helpers import plain_log_p, tiny_llama

VOCABULARY = 6
STOP, END = 4, 5
PROMPT = [1, 2, 3]
LENGTH = 3


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_llama(VOCABULARY, seed=3)


def _sampler(model: PreTrainedModel, max_rows: int = 64) -> Sampler:
    return Sampler(
        model,
        is_complete=lambda reply: reply[-1] == STOP,
        ends=[END],
        max_rows=max_rows,
    )


def _exact_law(
    model: PreTrainedModel, prefix: tuple[int, ...] = (), p: float = 1.0
) -> dict[tuple[int, ...], float]:
    """Enumerate every reply with its probability."""
    law: dict[tuple[int, ...], float] = {}
    step = plain_log_p(model, PROMPT, [*prefix, 0])[-1].exp().tolist()
    for token, q in enumerate(step):
        reply = prefix if token == END else (*prefix, token)
        if token in (STOP, END) or len(prefix) + 1 == LENGTH:
            law[reply] = law.get(reply, 0.0) + p * q
        else:
            for deeper, mass in _exact_law(model, reply, p * q).items():
                law[deeper] = law.get(deeper, 0.0) + mass
    return law


def _counts(found: list[SampledReply]) -> dict[tuple[int, ...], int]:
    return {reply.tokens: reply.count for reply in found}


def test_counts_follow_the_exact_law(model: PreTrainedModel) -> None:
    law = _exact_law(model)
    assert sum(law.values()) == pytest.approx(1)
    n = 20_000
    counts = _counts(_sampler(model).sample(PROMPT, n, max_new_tokens=LENGTH, seed=0))
    assert sum(counts.values()) == n
    assert set(counts) <= set(law)
    likely = [reply for reply, mass in law.items() if mass * n >= 5]
    expected = [law[reply] * n for reply in likely]
    observed = [counts.get(reply, 0) for reply in likely]
    rare = n - sum(expected)
    if rare > 0:
        expected.append(rare)
        observed.append(n - sum(observed))
    assert chisquare(observed, expected).pvalue > 1e-4


def test_seeds_are_independent_draws(model: PreTrainedModel) -> None:
    """Over many seeds one outcome's count has a binomial's mean and variance."""
    law = _exact_law(model)
    reply = max(law, key=law.__getitem__)
    n, seeds = 50, 400
    sampler = _sampler(model)
    draws = [
        _counts(sampler.sample(PROMPT, n, max_new_tokens=LENGTH, seed=seed)).get(reply, 0)
        for seed in range(seeds)
    ]
    mean, variance = n * law[reply], n * law[reply] * (1 - law[reply])
    assert np.mean(draws) == pytest.approx(mean, abs=4 * np.sqrt(variance / seeds))
    assert np.var(draws) == pytest.approx(variance, rel=4 * np.sqrt(2 / seeds))


def test_same_seed_same_replies_whatever_the_batch(model: PreTrainedModel) -> None:
    whole = _sampler(model).sample(PROMPT, 500, max_new_tokens=LENGTH, seed=7)
    pieces = _sampler(model, max_rows=2).sample(PROMPT, 500, max_new_tokens=LENGTH, seed=7)
    other = _sampler(model).sample(PROMPT, 500, max_new_tokens=LENGTH, seed=8)
    assert whole == pieces
    assert whole != other


def test_a_model_without_a_reorderable_cache_samples_the_same_law() -> None:
    config = MambaConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, state_size=4
    )
    mamba = MambaForCausalLM(config).eval()
    law = _exact_law(mamba)
    n = 5_000
    counts = _counts(_sampler(mamba).sample(PROMPT, n, max_new_tokens=LENGTH, seed=0))
    for reply, mass in law.items():
        error = 5 * np.sqrt(mass * (1 - mass) / n)
        assert counts.get(reply, 0) / n == pytest.approx(mass, abs=max(error, 2e-3))
