from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import logsumexp

from diffbench.metrics.logspace import log_sum

LOGS = st.one_of(st.floats(-800, 700), st.just(-math.inf), st.sampled_from([-1.0, 0.0]))


@given(hnp.arrays(np.float64, st.integers(1, 300), elements=LOGS))
def test_it_is_what_scipy_computes(log_q: np.ndarray) -> None:
    assert log_sum(log_q) == logsumexp(log_q)


def test_logs_far_below_underflow_still_have_a_sum() -> None:
    assert log_sum(np.full(4, -5000.0)) == pytest.approx(math.log(4) - 5000, rel=1e-15)


def test_nothing_at_all_has_the_log_of_zero() -> None:
    assert log_sum(np.full(3, -np.inf)) == -math.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_log_comes_back(bad: float) -> None:
    assert log_sum(np.array([0.0, bad])) == pytest.approx(bad, nan_ok=True)


def test_the_array_is_left_as_it_was() -> None:
    log_q = np.log([0.5, 0.25, 0.25])
    before = log_q.copy()
    log_sum(log_q)
    assert (log_q == before).all()
