from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from diffbench.metrics import (
    FloatArray,
    as_counts,
    as_distribution,
    as_log_subdistribution,
    as_subdistribution,
)
from diffbench.metrics.checks import as_values, check_draws, check_listed_mass
from tests.metrics.strategies import distributions, subdistributions

Check = Callable[[npt.ArrayLike], npt.NDArray[np.generic]]

CHECKS: list[Check] = [
    as_distribution,
    as_subdistribution,
    as_log_subdistribution,
    as_counts,
    as_values,
]


@pytest.mark.parametrize("check", CHECKS)
def test_empty_is_refused(check: Check) -> None:
    with pytest.raises(ValueError, match=r"shape \(K,\).*got \(0,\)"):
        check([])


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("bad", [0.5, [[0.5, 0.5]]])
def test_wrong_shape_is_refused(check: Check, bad: npt.ArrayLike) -> None:
    with pytest.raises(ValueError, match=r"shape \(K,\)"):
        check(bad)


@pytest.mark.parametrize("check", CHECKS)
def test_nan_is_refused_with_its_place(check: Check) -> None:
    with pytest.raises(ValueError, match="got nan at index 1"):
        check([0.0, np.nan])


@pytest.mark.parametrize("check", CHECKS)
def test_positive_infinity_is_refused(check: Check) -> None:
    with pytest.raises(ValueError, match="got inf at index 0"):
        check([np.inf, 0.0])


@pytest.mark.parametrize("check", [as_distribution, as_subdistribution, as_counts])
def test_negative_is_refused(check: Check) -> None:
    with pytest.raises(ValueError, match=r"not be negative, but got -1\.0 at index 1"):
        check([2.0, -1.0])


def test_wrong_sums_are_named() -> None:
    with pytest.raises(ValueError, match=r"p must sum to 1, but its sum is 0\.9"):
        as_distribution([0.5, 0.4])
    with pytest.raises(ValueError, match=r"target must sum to 1, .* is 1\.1"):
        as_distribution([0.7, 0.4], name="target")
    with pytest.raises(ValueError, match=r"at most 1, but its sum is 1\.1"):
        as_subdistribution([0.7, 0.4])
    with pytest.raises(ValueError, match=r"log of their sum is 0\.09"):
        as_log_subdistribution(np.log([0.7, 0.4]))


@pytest.mark.parametrize("miss", [-2e-6, 2e-6])
def test_sums_beyond_tolerance_are_refused(miss: float) -> None:
    off = np.full(4, 0.25 * (1 + miss))
    with pytest.raises(ValueError, match="must sum to 1"):
        as_distribution(off)
    if miss > 0:
        with pytest.raises(ValueError, match="at most 1"):
            as_subdistribution(off)
        with pytest.raises(ValueError, match="at most 1"):
            as_log_subdistribution(np.log(off))


def test_wrong_size_is_named() -> None:
    with pytest.raises(ValueError, match="each of 3 outcomes, but got 2"):
        as_subdistribution([0.5, 0.4], size=3)


def test_sums_within_tolerance_are_scaled_to_1() -> None:
    for total in (1 - 9e-7, 1 + 9e-7):
        assert as_distribution([0.25 * total] * 4).sum() == pytest.approx(1, abs=1e-15)
    above = np.array([0.25 * (1 + 9e-7)] * 4)
    assert as_subdistribution(above).sum() == pytest.approx(1, abs=1e-15)
    log_above = as_log_subdistribution(np.log(above))
    assert np.exp(log_above).sum() == pytest.approx(1, abs=1e-15)


def test_a_sum_below_1_is_left_alone() -> None:
    below = [0.25 * (1 - 9e-7)] * 4
    assert as_subdistribution(below).tolist() == below


@pytest.mark.parametrize("excess", [0.0, 5e-7])
@pytest.mark.parametrize("check", CHECKS[:2] + CHECKS[4:])
def test_results_share_nothing_with_arguments(check: Check, excess: float) -> None:
    argument = np.array([0.5, 0.5 + excess])
    assert not np.shares_memory(check(argument), argument)
    assert argument.tolist() == [0.5, 0.5 + excess]


@given(distributions())
def test_distributions_pass(p: FloatArray) -> None:
    np.testing.assert_allclose(as_distribution(p), p, rtol=1e-12)


@given(subdistributions())
def test_subdistributions_pass_in_both_forms(q: FloatArray) -> None:
    np.testing.assert_allclose(as_subdistribution(q), q, rtol=1e-12)
    with np.errstate(divide="ignore"):
        log_q = np.log(q)
    np.testing.assert_allclose(np.exp(as_log_subdistribution(log_q)), q, rtol=1e-12)


def test_counts_are_whole_numbers() -> None:
    assert as_counts([3.0, 0, 2]).tolist() == [3, 0, 2]
    assert as_counts([3, 0]).dtype == np.int64
    with pytest.raises(ValueError, match=r"whole numbers, but got 0\.5 at index 1"):
        as_counts([3, 0.5])


def test_values_whose_span_overflows_are_refused() -> None:
    with pytest.raises(ValueError, match="finite range"):
        as_values([-1e308, 1e308])


def test_draws_and_listed_mass_have_ranges() -> None:
    check_draws(1)
    check_listed_mass(1.0)
    check_listed_mass(1e-300)
    with pytest.raises(ValueError, match="at least 1 draw, but got 0"):
        check_draws(0)
    for bad in (0.0, -0.5, 1.0000001, float("nan")):
        with pytest.raises(ValueError, match=r"in \(0, 1\]"):
            check_listed_mass(bad)
