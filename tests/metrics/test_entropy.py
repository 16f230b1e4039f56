from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import (
    FloatArray,
    effective_outcomes,
    entropy,
    entropy_ratio,
)
from tests.metrics.strategies import TINY, distributions


@pytest.mark.parametrize("k", [1, 2, 10, 200])
def test_uniform_has_log_k(k: int) -> None:
    uniform = np.full(k, 1 / k)
    assert entropy(uniform) == pytest.approx(math.log(k), abs=1e-13)
    assert effective_outcomes(uniform) == pytest.approx(k, rel=1e-13)


def test_geometric_closed_form() -> None:
    # H of a geometric with success 1/2 is 2 ln 2; the tail beyond 2^-60 is lost in
    # rounding.
    p = np.append(0.5 ** np.arange(1, 61), 0.5**60)
    assert entropy(p) == pytest.approx(2 * math.log(2), abs=1e-14)


def test_one_sure_outcome_has_no_entropy() -> None:
    for sure in ([1.0], [0.0, 1.0, 0.0]):
        assert str(entropy(sure)) == "0.0"
    assert effective_outcomes([0.0, 1.0]) == 1.0


@given(distributions(least=TINY))
def test_matches_scipy(p: FloatArray) -> None:
    assert entropy(p) == pytest.approx(float(scipy.stats.entropy(p)), abs=1e-12)


@given(distributions(least=TINY))
def test_range(p: FloatArray) -> None:
    assert 0.0 <= entropy(p) <= math.log(p.size) + 1e-14
    assert 1.0 <= effective_outcomes(p) <= p.size * (1 + 1e-14)


@given(distributions(min_size=2, least=TINY), st.data())
def test_merging_two_outcomes_never_raises_it(p: FloatArray, data: st.DataObject) -> None:
    i, j = data.draw(st.permutations(range(p.size)))[:2]
    merged = p.copy()
    merged[i] += merged[j]
    lost = entropy(p) - entropy(np.delete(merged, j))
    # Grouping: what is lost is the entropy inside the merged group.
    both = p[i] + p[j]
    inside = both * entropy([p[i] / both, p[j] / both]) if both > 0 else 0.0
    assert lost == pytest.approx(inside, abs=1e-12)
    assert lost >= -1e-12


def test_ratio_counts_spread_in_units_of_the_target() -> None:
    quarter, half = [0.25] * 4, [0.5, 0.5, 0.0, 0.0]
    assert entropy_ratio(half, quarter) == pytest.approx(0.5)
    assert entropy_ratio(quarter, half) == pytest.approx(2.0)


@given(distributions(min_size=2, zeros=False))
def test_ratio_is_1_for_the_target_itself(p: FloatArray) -> None:
    assert entropy_ratio(p, p) == pytest.approx(1.0, rel=1e-12)


def test_ratio_refuses_a_target_without_entropy() -> None:
    with pytest.raises(ValueError, match="entropy above 0"):
        entropy_ratio([0.5, 0.5], [1.0, 0.0])


def test_subnormalised_input_is_refused() -> None:
    with pytest.raises(ValueError, match="must sum to 1"):
        entropy([0.5, 0.4])
    with pytest.raises(ValueError, match="q_valid must sum to 1"):
        entropy_ratio([0.5, 0.4], [0.5, 0.5])
