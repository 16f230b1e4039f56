from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import FloatArray, expected_coverage, rarefied_coverage
from tests.metrics.strategies import count_tables, subdistributions

Table = tuple[list[int], int]


def test_uniform_closed_form() -> None:
    assert expected_coverage([0.1] * 10, 7) == pytest.approx(1 - 0.9**7, rel=1e-14)


@given(subdistributions(), st.integers(1, 5000))
def test_expected_by_brute_force(q: FloatArray, n: int) -> None:
    direct = sum(1 - (1 - each) ** n for each in q) / q.size
    assert expected_coverage(q, n) == pytest.approx(direct, abs=1e-11)


def test_expected_keeps_precision_for_rare_outcomes() -> None:
    # 1 - (1 - 1e-18)^1000 is 0 when computed as written.
    assert expected_coverage([1e-18], 1000) == pytest.approx(1e-15, rel=1e-12, abs=0.0)


@given(subdistributions(), st.integers(1, 1000))
def test_expected_grows_with_n(q: FloatArray, n: int) -> None:
    assert expected_coverage(q, n) <= expected_coverage(q, n + 1)
    assert 0.0 <= expected_coverage(q, n) <= 1.0


@given(count_tables(), st.data())
def test_rarefied_matches_hypergeometric(table: Table, data: st.DataObject) -> None:
    counts, n_invalid = table
    total = sum(counts) + n_invalid
    n = data.draw(st.integers(1, total))
    unseen = scipy.stats.hypergeom(total, np.array(counts), n).pmf(0)
    assert rarefied_coverage(counts, total, n) == pytest.approx(
        float(np.mean(1 - unseen)), abs=1e-10
    )


@given(count_tables(), st.data())
def test_rarefied_by_exact_binomials(table: Table, data: st.DataObject) -> None:
    counts, n_invalid = table
    total = sum(counts) + n_invalid
    n = data.draw(st.integers(1, total))
    ways = math.comb(total, n)
    seen = sum(ways - math.comb(total - c, n) for c in counts) / (ways * len(counts))
    assert rarefied_coverage(counts, total, n) == pytest.approx(seen, abs=1e-10)


@given(count_tables(), st.data())
def test_rarefied_grows_with_n(table: Table, data: st.DataObject) -> None:
    counts, n_invalid = table
    total = sum(counts) + n_invalid
    n = data.draw(st.integers(1, total))
    less = rarefied_coverage(counts, total, n)
    assert 0.0 <= less <= rarefied_coverage(counts, total, total)
    share_seen = np.count_nonzero(counts) / len(counts)
    assert rarefied_coverage(counts, total, total) == share_seen
    assert n == total or less <= rarefied_coverage(counts, total, n + 1) + 1e-12


def test_rarefied_with_one_draw_is_the_valid_share() -> None:
    assert rarefied_coverage([3, 2, 0], 10, 1) == pytest.approx(0.5 / 3, rel=1e-12)


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    for table in itertools.product(range(total + 1), repeat=parts):
        if sum(table) == total:
            yield table


def test_rarefied_is_unbiased_over_all_tables() -> None:
    q, total, n = np.array([0.5, 0.3, 0.05]), 7, 4
    law = scipy.stats.multinomial(total, np.append(q, 1 - q.sum()))
    expected = math.fsum(
        float(law.pmf(table)) * rarefied_coverage(table[:3], total, n)
        for table in compositions(total, 4)
    )
    assert expected == pytest.approx(expected_coverage(q, n), rel=1e-11)


def test_expected_matches_simulation() -> None:
    rng = np.random.default_rng(20240416)
    q, n, repeats = np.array([0.4, 0.2, 0.05, 0.05, 0.0]), 10, 20_000
    counts = rng.multinomial(n, np.append(q, 0.3), size=repeats)[:, :5]
    seen = (counts > 0).mean(axis=1)
    standard_error = seen.std(ddof=1) / math.sqrt(repeats)
    assert standard_error < 0.002
    assert abs(seen.mean() - expected_coverage(q, n)) < 4 * standard_error
    # The test can tell: leaving the invalid mass out is far outside that band.
    wrong = expected_coverage(q / q.sum(), n)
    assert abs(seen.mean() - wrong) > 20 * standard_error


def test_rarefied_matches_simulation() -> None:
    rng = np.random.default_rng(10859)
    counts, n, repeats = [60, 25, 3, 1, 0], 20, 20_000
    subsets = rng.multivariate_hypergeometric([*counts, 11], n, size=repeats)
    seen = (subsets[:, :5] > 0).mean(axis=1)
    standard_error = seen.std(ddof=1) / math.sqrt(repeats)
    assert standard_error < 0.002
    assert abs(seen.mean() - rarefied_coverage(counts, 100, n)) < 4 * standard_error
    # Drawing with replacement is another number, and far outside that band.
    wrong = expected_coverage(np.array(counts) / 100, n)
    assert abs(seen.mean() - wrong) > 5 * standard_error


def test_a_million_replies_keep_their_precision() -> None:
    counts, total, n = [1, 10, 1000], 1_000_000, 1000
    ways = math.comb(total, n)
    seen = [1 - math.comb(total - c, n) / ways for c in counts]
    assert rarefied_coverage(counts, total, n) == pytest.approx(
        math.fsum(seen) / 3, abs=1e-8
    )


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="n must be at most total, 10, but got 11"):
        rarefied_coverage([5, 5], 10, 11)
    with pytest.raises(ValueError, match="sum of counts, 10, but got 9"):
        rarefied_coverage([5, 5], 9, 1)
    for n in (0, -1):
        with pytest.raises(ValueError, match="at least 1 draw"):
            rarefied_coverage([5, 5], 10, n)
        with pytest.raises(ValueError, match="at least 1 draw"):
            expected_coverage([0.5], n)
