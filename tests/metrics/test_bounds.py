"""Certified bounds against random distributions that they must contain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize
from scipy.stats import entropy

from diffbench.metrics.bounds import (
    Explored,
    entropy_bounds,
    overlap_bounds,
    valid_mass_bounds,
)

SLACK = 1e-9


@st.composite
def explored_and_truth(
    draw: st.DrawFn,
) -> tuple[Explored, np.ndarray, np.ndarray]:
    """Draw a target, what is known, and a distribution that agrees with it."""
    k = draw(st.integers(1, 8))
    seed = draw(st.integers(0, 2**32 - 1))
    undecided = draw(st.floats(0, 0.9))
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, draw(st.sampled_from([0.1, 1.0, 10.0]))))
    concentration = draw(st.sampled_from([0.1, 1.0, 10.0]))
    shares = rng.dirichlet(np.full(k + 1, concentration))[:k]
    lower = shares * (1 - undecided)
    reachable = undecided * rng.random(k)
    gain = reachable * rng.random(k)
    if gain.sum() > undecided:
        gain *= undecided / gain.sum()
    explored = Explored(lower=lower, reachable=reachable, undecided=undecided)
    return explored, p, lower + gain


@settings(deadline=None, max_examples=300)
@given(explored_and_truth())
def test_every_agreeing_distribution_lies_within(
    case: tuple[Explored, np.ndarray, np.ndarray],
) -> None:
    explored, p, q = case
    for (low, high), value in (
        (valid_mass_bounds(explored), q.sum()),
        (overlap_bounds(p, explored), np.minimum(p, q).sum()),
    ):
        assert low - SLACK <= value <= high + SLACK
    found = entropy_bounds(explored)
    if found is not None:
        assert found[0] - SLACK <= entropy(q) <= found[1] + SLACK


@settings(deadline=None, max_examples=100)
@given(explored_and_truth())
def test_nothing_unexplored_leaves_one_value(
    case: tuple[Explored, np.ndarray, np.ndarray],
) -> None:
    explored, p, _ = case
    done = Explored(lower=explored.lower, reachable=np.zeros(len(p)), undecided=0.0)
    for low, high in (valid_mass_bounds(done), overlap_bounds(p, done)):
        assert low == pytest.approx(high)
    found = entropy_bounds(done)
    if found is not None:
        assert found[0] == pytest.approx(found[1], abs=1e-9)
        assert found[0] == pytest.approx(entropy(explored.lower), abs=1e-9)


def _extreme_entropy(lower: np.ndarray, undecided: float, sign: int) -> float:
    """Return the least (sign 1) or greatest (sign -1) entropy that an optimiser finds."""

    def signed(gain: np.ndarray) -> float:
        return sign * float(entropy(lower + np.maximum(gain, 0)))

    k = len(lower)
    budget = LinearConstraint(np.ones((1, k)), -np.inf, undecided)
    starts = [undecided * share for share in (*np.eye(k), np.full(k, 1 / k))]
    return sign * min(
        float(
            minimize(
                signed,
                start,
                method="SLSQP",
                bounds=[(0, undecided)] * k,
                constraints=[budget],
            ).fun
        )
        for start in starts
    )


def test_entropy_bounds_are_the_extremes_that_an_optimiser_finds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        lower, undecided = rng.dirichlet(np.ones(5))[:4] * 0.7, 0.25
        found = entropy_bounds(
            Explored(lower=lower, reachable=np.full(4, undecided), undecided=undecided)
        )
        assert found is not None
        assert _extreme_entropy(lower, undecided, 1) == pytest.approx(found[0], abs=1e-4)
        assert _extreme_entropy(lower, undecided, -1) == pytest.approx(found[1], abs=1e-4)


def test_a_partly_listed_target_is_divided_by_its_listed_mass() -> None:
    explored = Explored(
        lower=np.array([0.2, 0.1]), reachable=np.array([0.1, 0.1]), undecided=0.1
    )
    low, high = overlap_bounds(np.array([0.6, 0.4]), explored, listed_mass=0.5)
    assert low == pytest.approx(0.6)
    assert high == pytest.approx(0.8)


def test_no_entropy_where_nothing_valid_is_known() -> None:
    explored = Explored(lower=np.zeros(3), reachable=np.ones(3), undecided=1.0)
    assert entropy_bounds(explored) is None
