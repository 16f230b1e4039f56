from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import FloatArray, TopRatio, top_ratio
from tests.metrics.strategies import distributions, pairs

Pair = tuple[FloatArray, FloatArray]


def test_names_the_favourite() -> None:
    assert top_ratio([0.25] * 4, [0.0, 0.5, 0.25, 0.25]) == TopRatio(index=1, ratio=2.0)


def test_ties_go_to_the_lowest_index() -> None:
    assert top_ratio([0.25] * 4, [0.0, 0.5, 0.0, 0.5]).index == 1
    assert top_ratio([0.0, 0.5, 0.5], [0.0, 0.0, 0.0]) == TopRatio(index=1, ratio=0.0)


def test_outcomes_with_target_0_do_not_compete() -> None:
    assert top_ratio([0.0, 1.0], [0.9, 0.1]) == TopRatio(index=1, ratio=0.1)


@given(pairs())
def test_bounds_every_outcome_and_is_reached(pair: Pair) -> None:
    p, q = pair
    top = top_ratio(p, q)
    assert (q[p > 0] <= top.ratio * p[p > 0] * (1 + 1e-12)).all()
    assert q[top.index] / p[top.index] == pytest.approx(top.ratio, rel=1e-12)


@given(distributions(zeros=False), st.data())
def test_is_at_least_1_and_1_only_for_the_target(
    p: FloatArray, data: st.DataObject
) -> None:
    q = data.draw(distributions(size=p.size))
    assert top_ratio(p, p).ratio == pytest.approx(1.0, rel=1e-12)
    # sum_k max(q - p, 0) <= (ratio - 1) sum_k p, so a ratio of 1 leaves no excess.
    excess = np.maximum(q - p, 0).sum()
    assert top_ratio(p, q).ratio >= 1 + excess - 1e-12


def test_overflow_is_infinite_and_silent() -> None:
    assert top_ratio([1.0, 5e-324], [0.5, 0.5]) == TopRatio(index=1, ratio=math.inf)
