from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.metrics import FloatArray, TargetArrays, fit_tests, multinomial_p, ordered_p
from diffbench.metrics.peer_ks import peer_ks
from tests.metrics.strategies import distributions
from tests.metrics.test_ceilings import tables


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(0.05, 0.95), st.data())
def test_two_outcomes_are_the_binomial_test(n: int, p: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    expected = scipy.stats.binomtest(hits, n, p).pvalue
    assert multinomial_p([p, 1 - p], [hits, n - hits]) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(distributions(size=3, zeros=False), st.data())
def test_three_outcomes_by_every_table(p: FloatArray, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 2), min_size=3, max_size=3))
    n = sum(counts)
    if n == 0:
        return
    chances = dict((tuple(table), chance) for table, chance in tables(p, n))
    own = chances[tuple(counts)]
    expected = sum(c for c in chances.values() if c <= own * (1 + 1e-7))
    assert multinomial_p(p, counts) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [3, 40])
def test_a_true_target_is_refused_as_often_as_said(size: int) -> None:
    """Three outcomes exactly, forty by Monte Carlo."""
    rng = np.random.default_rng(size)
    weights = rng.random(size) + 0.1
    target = TargetArrays(p=weights / weights.sum(), values=np.arange(float(size)))
    found = [
        fit_tests(target, counts, 0) for counts in rng.multinomial(120, target.p, size=600)
    ]
    for name in ("all_replies", "valid_replies", "ks", "wasserstein"):
        refused = np.mean([getattr(one, name) <= 0.05 for one in found])
        assert 0.01 < refused < 0.08, name


def test_an_invalid_reply_refutes_a_whole_target_and_not_a_list() -> None:
    whole = fit_tests(TargetArrays(p=np.array([0.5, 0.5])), [50, 49], 1)
    assert whole.all_replies == 0.0
    assert whole.valid_replies == pytest.approx(1.0)
    listed = fit_tests(TargetArrays(p=np.array([0.5, 0.5]), listed_mass=0.4), [20, 20], 60)
    assert listed.all_replies > 0.9
    assert fit_tests(TargetArrays(p=np.array([0.5, 0.5])), [0, 0], 9).valid_replies is None


def test_outcomes_without_order_have_no_test_of_order() -> None:
    found = fit_tests(TargetArrays(p=np.array([0.5, 0.5])), [50, 49], 0)
    assert found.ks is None and found.wasserstein is None


def test_many_small_steps_are_the_continuous_test() -> None:
    rng = np.random.default_rng(0)
    size = 5000
    p, values = np.full(size, 1 / size), np.arange(size)
    for _ in range(3):
        drawn = rng.integers(size, size=50)
        ks, _ = ordered_p(p, np.bincount(drawn, minlength=size), values)
        uniform = scipy.stats.uniform(loc=-0.5, scale=size)
        expected = scipy.stats.ks_1samp(drawn, uniform.cdf).pvalue
        assert ks == pytest.approx(expected, abs=0.05)


def test_equal_values_are_one_point() -> None:
    ks, wasserstein = ordered_p([0.5, 0.25, 0.25], [0, 20, 0], [1, 1, 1])
    assert (ks, wasserstein) == (1.0, 1.0)


def test_the_peers_test_lets_a_favourite_pass() -> None:
    """A sampler of 1 to 10 that says 7 in three replies of ten passes nine times in ten."""
    p = np.full(10, 0.1)
    q = np.full(10, 0.7 / 9)
    q[6] = 0.3
    rng = np.random.default_rng(0)
    found = [
        peer_ks(p, counts, np.arange(10)) for counts in rng.multinomial(100, q, size=200)
    ]
    assert np.mean([one.passes for one in found if one]) == pytest.approx(0.9, abs=0.06)
    assert found[0] is not None and found[0].lenient > 0.9
    assert found[0].lenient_overlap == pytest.approx(0.82)


def test_the_peers_test_needs_a_hundred_replies() -> None:
    assert peer_ks([0.5, 0.5], [50, 49], [0, 1]) is None
    found = peer_ks([0.5, 0.5], [500, 0], [0, 1])
    assert found is not None and found.passes == 0.0


@pytest.mark.slow
def test_the_peers_test_agrees_with_permutation() -> None:
    """As it is defined: permutations of the pool of 100 replies and 10,000 references."""
    rng = np.random.default_rng(5)
    p = np.full(10, 0.1)
    q = np.full(10, 0.6 / 9)
    q[6] = 0.4
    agreed = []
    for counts in rng.multinomial(100, q, size=40):
        reference = rng.multinomial(10_000, p)
        own = np.abs(np.cumsum(counts / 100 - reference / 10_000)).max()
        pool = counts + reference
        first = rng.multivariate_hypergeometric(pool, 100, size=100_000, method="marginals")
        null = np.abs(np.cumsum(first / 100 - (pool - first) / 10_000, axis=1)).max(axis=1)
        passes = (1 + (null >= own - 1e-12).sum()) / 100_001 >= 1e-4
        found = peer_ks(p, counts, np.arange(10))
        assert found is not None
        agreed.append((found.passes >= 0.5) == passes)
    assert np.mean(agreed) >= 0.85
