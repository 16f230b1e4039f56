from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import FloatArray, overlap, wasserstein
from tests.metrics.strategies import distributions

Scene = tuple[FloatArray, FloatArray, FloatArray]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Target, model and values in any order, some of them equal."""
    p = draw(distributions())
    q = draw(distributions(size=p.size))
    point = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3))
    values = draw(st.lists(point, min_size=p.size, max_size=p.size))
    return p, q, np.array(values)


@given(scenes())
def test_matches_scipy(scene: Scene) -> None:
    p, q, values = scene
    expected = float(scipy.stats.wasserstein_distance(values, values, p, q))
    assert wasserstein(p, q, values) == pytest.approx(expected, abs=1e-9)


@given(scenes())
def test_range_symmetry_and_zero(scene: Scene) -> None:
    p, q, values = scene
    distance = wasserstein(p, q, values)
    assert 0.0 <= distance <= np.ptp(values) * (1 + 1e-12)
    assert distance == pytest.approx(wasserstein(q, p, values), abs=1e-12)
    assert wasserstein(p, p, values) == 0.0


@given(scenes(), st.floats(-100, 100), st.floats(-10, 10))
def test_shift_and_scale(scene: Scene, shift: float, scale: float) -> None:
    p, q, values = scene
    moved = wasserstein(p, q, shift + scale * values)
    assert moved == pytest.approx(
        abs(scale) * wasserstein(p, q, values), rel=1e-9, abs=1e-9
    )


@given(scenes(), st.data())
def test_order_of_outcomes_does_not_matter(scene: Scene, data: st.DataObject) -> None:
    p, q, values = scene
    order = data.draw(st.permutations(range(p.size)))
    assert wasserstein(p[order], q[order], values[order]) == pytest.approx(
        wasserstein(p, q, values), abs=1e-9
    )


@given(distributions(), st.data())
def test_unit_steps_bound_total_variation(p: FloatArray, data: st.DataObject) -> None:
    # Each unit of mass that differs is carried at least one step, at most K - 1.
    q = data.draw(distributions(size=p.size))
    moved, distance = 1 - overlap(p, q), wasserstein(p, q, np.arange(p.size))
    assert moved - 1e-12 <= distance <= (p.size - 1) * moved + 1e-12


def test_carrying_everything_costs_the_distance() -> None:
    assert wasserstein([1, 0, 0], [0, 0, 1], [2.0, 3.0, 7.5]) == 5.5
    assert wasserstein([1, 0], [0, 1], [4.0, 4.0]) == 0.0
    assert wasserstein([1.0], [1.0], [4.0]) == 0.0


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="q_valid must sum to 1"):
        wasserstein([0.5, 0.5], [0.5, 0.4], [0, 1])
    with pytest.raises(ValueError, match="values must hold one entry"):
        wasserstein([0.5, 0.5], [0.5, 0.5], [0, 1, 2])
