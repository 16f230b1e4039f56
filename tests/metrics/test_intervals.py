from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import binomial_interval, family_interval


@given(st.integers(1, 5000), st.data())
def test_clopper_pearson_is_scipys(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    found = binomial_interval(hits, n)
    expected = scipy.stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert found.lo == pytest.approx(expected.low, abs=1e-12)
    assert found.hi == pytest.approx(expected.high, abs=1e-12)


def test_one_prompt_a_task_is_the_t_interval() -> None:
    values = [0.2, 0.5, 0.3, 0.7, 0.4, 0.1, 0.6, 0.5, 0.3, 0.4]
    found = family_interval([[value] for value in values], (0.0, 1.0))
    error = scipy.stats.sem(values)
    lo, hi = scipy.stats.t.interval(0.95, 9, loc=np.mean(values), scale=error)
    assert found is not None
    assert (found.lo, found.hi) == pytest.approx((lo, hi))


def test_its_variance_is_that_of_resampling_tasks_then_wordings() -> None:
    rng = np.random.default_rng(0)
    tasks = rng.random((30, 4))
    found = family_interval(tasks.tolist(), (0.0, 1.0))
    rows = rng.integers(30, size=(20_000, 30))
    columns = rng.integers(4, size=(20_000, 30, 4))
    means = np.take_along_axis(tasks[rows], columns, axis=2).mean(axis=(1, 2))
    # Resampling 30 tasks underrates their variance by 1/30.
    error = means.std()
    assert found is not None
    half = (found.hi - found.lo) / 2 / scipy.stats.t.ppf(0.975, 29)
    assert half == pytest.approx(error, rel=0.03)


def test_few_prompts_or_one_task_give_none() -> None:
    assert family_interval([[0.1, 0.2]] * 4, (0.0, 1.0)) is None
    assert family_interval([[0.1] * 20], (0.0, 1.0)) is None
    assert family_interval([[0.1, 0.2]] * 5, (0.0, 1.0)) is not None


@pytest.mark.parametrize(("n_tasks", "n_prompts"), [(2, 5), (5, 2), (10, 1), (10, 5)])
@pytest.mark.parametrize(("between", "within"), [(0.1, 0.0), (0.1, 0.1), (0.0, 0.1)])
def test_family_intervals_cover(
    n_tasks: int, n_prompts: int, between: float, within: float
) -> None:
    rng = np.random.default_rng([n_tasks, n_prompts])
    held = 0
    for _ in range(1000):
        levels = 0.5 + between * rng.standard_normal((n_tasks, 1))
        values = levels + within * rng.standard_normal((n_tasks, n_prompts))
        found = family_interval(values.tolist(), (-10.0, 10.0))
        assert found is not None
        held += found.lo <= 0.5 <= found.hi
    # Two points below nominal, and three standard errors of a thousand trials.
    assert held / 1000 > 0.93 - 0.021


def test_percentiles_of_resampled_tasks_hold_half_of_the_time_with_two_tasks() -> None:
    """Why the family's interval is not made of them."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        values = rng.standard_normal((2, 1)) + 1e-4 * rng.standard_normal((2, 5))
        rows = rng.integers(2, size=(200, 2))
        columns = rng.integers(5, size=(200, 2, 5))
        means = np.take_along_axis(values[rows], columns, axis=2).mean(axis=(1, 2))
        lo, hi = np.quantile(means, [0.025, 0.975])
        held += lo <= 0.0 <= hi
    assert held / 300 == pytest.approx(0.5, abs=0.1)
