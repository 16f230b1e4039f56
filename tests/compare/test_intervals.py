"""Intervals of differences, against published numbers and closed forms."""

from __future__ import annotations

from math import inf, nan, sqrt

import pytest
from scipy.stats import binomtest, norm

from diffbench.compare.estimates import _wilson
from diffbench.compare.intervals import Estimate, difference, mean
from diffbench.compare.power import replies_needed, smallest_difference


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (3, 20), (48, 80)])
def test_wilson_is_scipys(hits: int, n: int) -> None:
    found = _wilson(hits, n, 0.95)
    theirs = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert (found.lo, found.hi) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_newcombes_example() -> None:
    """56 of 70 against 48 of 80: Newcombe 1998, table II (a), method 10."""
    found = difference(_wilson(48, 80, 0.95), _wilson(56, 70, 0.95))
    assert found.value == pytest.approx(0.2)
    assert (found.lo, found.hi) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_mean_of_equal_parts_shrinks_by_the_root_of_their_number() -> None:
    part = Estimate(value=0.5, down=0.1, up=0.2, bias=-0.01)
    found = mean([part] * 4)
    assert (found.value, found.down, found.up) == pytest.approx((0.5, 0.05, 0.1))
    assert found.bias == pytest.approx(-0.01), "a shared bias does not average out"


def test_a_shared_bias_cancels_and_another_widens_one_side() -> None:
    high = Estimate(value=0.6, down=0.0, up=0.0, bias=0.03)
    low = Estimate(value=0.5, down=0.0, up=0.0, bias=-0.02)
    same = difference(high, high)
    assert (same.lo, same.hi) == (0.0, 0.0)
    found = difference(high, low)
    assert (found.lo, found.hi) == pytest.approx((-0.1, -0.05))


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
@pytest.mark.parametrize("name", ["value", "down", "up", "bias"])
def test_no_number_that_is_none(wrong: float, name: str) -> None:
    numbers = {"value": 0.5, "down": 0.1, "up": 0.1, "bias": 0.0, name: wrong}
    with pytest.raises(ValueError, match="finite"):
        Estimate(**numbers)


def test_the_smallest_difference_of_a_normal_estimate() -> None:
    """Found if value + 1.96 se < -margin, so with a chance of 0.85 at this loss."""
    se, margin = 0.01, 0.02
    reach = float(norm.ppf(0.975)) * se
    smallest = smallest_difference(
        Estimate(value=0.0, down=reach, up=reach), level=0.95, margin=margin
    )
    assert norm.cdf((-margin - reach + smallest) / se) == pytest.approx(0.85)


def test_replies_needed_halve_the_width_at_four_times_as_many() -> None:
    def needed(width: float, n: int) -> int | None:
        gain = Estimate(value=0.0, down=width, up=width)
        return replies_needed(gain, level=0.95, margin=0.02, n_before=n, n_after=n)

    first, second = needed(0.06, 100), needed(0.03, 400)
    assert first is not None and second is not None
    assert abs(first - second) <= 1
    factor = 1 + float(norm.ppf(0.85)) / float(norm.ppf(0.975))
    assert first == pytest.approx(100 * (0.06 * factor / 0.02) ** 2, abs=1)


def test_a_change_on_the_margin_is_settled_by_no_number() -> None:
    gain = Estimate(value=-0.02, down=0.01, up=0.01)
    assert replies_needed(gain, level=0.95, margin=0.02, n_before=9, n_after=9) is None
    near = Estimate(value=-0.0200001, down=sqrt(0.5), up=0.5)
    assert replies_needed(near, level=0.95, margin=0.02, n_before=9, n_after=9) is None
