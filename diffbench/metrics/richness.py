"""How many different values a number of replies show, whatever the values are.

For open questions there is no list of outcomes. What two runs of different size have in
common is the expected number of distinct values in n of their replies.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from diffbench.metrics.checks import FloatArray, IntArray, as_counts, check_draws
from diffbench.metrics.intervals import LEVEL, ConfidenceInterval

__all__ = [
    "JACKKNIFE",
    "distinct_interval",
    "jackknife_variance",
    "rarefied_distinct",
]

JACKKNIFE: Final = "jackknife over replies, widened"

_Z: Final = 1.959963984540054
# Probability that N draws may miss at 95 %, times N: -ln 0.05.
_RULE_OF_THREE: Final = 2.995732273553991


def rarefied_distinct(counts: npt.ArrayLike, total: int, n: int) -> float:
    """Return the expected number of distinct values in n of the replies at hand.

    sum_k (1 - C(total - counts[k], n) / C(total, n))

    Args:
        counts: Shape (K,), how often each value was drawn, at least one value.
        total: Number of replies, those without a value included; at least sum(counts).
        n: Size of the subset, 1 to total.

    Returns:
        Distinct values, 0 to n. Over independent replies its expectation is that of n new
        replies.

    Raises:
        ValueError: If counts is refused, total is below its sum, or n is outside 1 to
            total.

    Reference:
        Hurlbert (1971), Ecology 52(4), equation for E(S_n).
    """
    drawn = _checked(counts, total, n)
    return float(_seen(drawn, total, n).sum())


def jackknife_variance(counts: npt.ArrayLike, total: int, n: int) -> float:
    """Return the jackknife variance of `rarefied_distinct`, each reply left out once.

    (N - 1) / N sum_i (D_(i) - mean)^2, with D_(i) the value without reply i. Its mean is
    at least the variance at N - 1 replies.

    Args:
        counts: Shape (K,), how often each value was drawn.
        total: Number of replies N, above n.
        n: Size of the subset.

    Raises:
        ValueError: As for `rarefied_distinct`, or if n is not below total.

    Reference:
        Efron and Stein (1981), Annals of Statistics 9(3).
    """
    drawn = _checked(counts, total, n)
    if n >= total:
        raise ValueError(f"n must be below total, {total}, but got {n}")
    present = drawn[drawn > 0]
    whole = _seen(present, total - 1, n)
    without = whole.sum() - whole + _seen(present - 1, total - 1, n)
    # Replies of one value are alike; those without a value take nothing with them.
    weights = np.append(present, total - present.sum()).astype(np.float64)
    values = np.append(without, whole.sum())
    mean = float(weights @ values) / total
    spread = float(weights @ np.square(values - mean))
    return (total - 1) / total * spread


def distinct_interval(
    counts: npt.ArrayLike, total: int, n: int
) -> ConfidenceInterval | None:
    """Return where the expected number of distinct values in n new replies lies.

    D +- z s, the upper end raised by 3 n / N, since N replies may miss values of that
    probability, and the lower end lowered by 3 n (n - 1) / (N (N - 1)), since N (N - 1) / 2
    pairs may miss equal ones of that. Both hold where s is 0 too. Percentile bootstraps are
    not used: a resample shows fewer distinct values than the sample.

    Returns:
        None where n is not below the number of replies.
    """
    if n >= total:
        return None
    value = rarefied_distinct(counts, total, n)
    half = _Z * math.sqrt(jackknife_variance(counts, total, n))
    pairs = n * (n - 1) / (total * (total - 1))
    return ConfidenceInterval(
        lo=max(value - half - _RULE_OF_THREE * pairs, 0.0),
        hi=min(value + half + _RULE_OF_THREE * n / total, float(n)),
        level=LEVEL,
        method=JACKKNIFE,
    )


def _checked(counts: npt.ArrayLike, total: int, n: int) -> IntArray:
    check_draws(n)
    drawn = as_counts(counts)
    if total < drawn.sum():
        raise ValueError(
            f"total must be at least the sum of counts, {drawn.sum()}, but got {total}"
        )
    if n > total:
        raise ValueError(f"n must be at most total, {total}, but got {n}")
    return drawn


def _seen(counts: IntArray, total: int, n: int) -> FloatArray:
    """Return (K,): the probability that each value is among n of the replies."""
    missed = (total - counts).astype(np.float64)
    least = np.maximum(missed, n)
    log_unseen = (gammaln(least + 1) - gammaln(total + 1.0)) - (
        gammaln(least - n + 1) - gammaln(total - n + 1.0)
    )
    return np.where(missed >= n, -np.expm1(np.minimum(log_unseen, 0.0)), 1.0)
