"""Which share of the outcomes turns up at least once in n replies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from diffbench.metrics.checks import (
    FloatArray,
    IntArray,
    as_counts,
    as_subdistribution,
    check_draws,
)

__all__ = [
    "expected_coverage",
    "expected_coverages",
    "rarefied_coverage",
    "rarefied_coverages",
]


def expected_coverage(q: npt.ArrayLike, n: int) -> float:
    """Return the expected share of the outcomes seen in n independent draws.

    mean_k (1 - (1 - q[k])^n)

    Args:
        q: Shape (K,), probabilities summing to at most 1; the rest is draws that
            show none of the K outcomes.
        n: Number of draws, at least 1.

    Returns:
        Share of the K outcomes, 0 to 1.

    Raises:
        ValueError: If q is no sub-distribution or n is below 1.

    Reference:
        Smith and Grassle (1977), Biometrics 33.
    """
    check_draws(n)
    return float(expected_coverages(as_subdistribution(q)[None], n)[0])


def expected_coverages(q: FloatArray, n: int) -> FloatArray:
    """Return (B,): `expected_coverage` of B models, q of shape (B, K)."""
    # log1p(-1) = -inf is right: an outcome of probability 1 is always seen.
    with np.errstate(divide="ignore"):
        log_unseen = n * np.log1p(-np.minimum(q, 1.0))
    return np.asarray(np.mean(-np.expm1(log_unseen), axis=1))


def rarefied_coverage(counts: npt.ArrayLike, total: int, n: int) -> float:
    """Return the expected share of the outcomes in n of the replies at hand.

    mean_k (1 - C(total - counts[k], n) / C(total, n)), the mean over all subsets of
    n replies. Over independent replies its expectation is expected_coverage(q, n).

    Args:
        counts: Shape (K,), how often each outcome was drawn.
        total: Number of replies, invalid ones included; at least sum(counts).
        n: Size of the subset, 1 to total.

    Returns:
        Share of the K outcomes, 0 to 1.

    Raises:
        ValueError: If counts is refused, total is below sum(counts), or n is
            outside 1 to total.

    Reference:
        Hurlbert (1971), Ecology 52(4), equation for E(S_n).
    """
    check_draws(n)
    drawn = as_counts(counts)
    if total < drawn.sum():
        raise ValueError(
            f"total must be at least the sum of counts, {drawn.sum()}, but got {total}"
        )
    if n > total:
        raise ValueError(f"n must be at most total, {total}, but got {n}")
    return float(rarefied_coverages(drawn[None], np.array([total]), n)[0])


def rarefied_coverages(counts: IntArray, totals: IntArray, n: int) -> FloatArray:
    """Return (B,): `rarefied_coverage` of B samples; NaN where n is above the total.

    Args:
        counts: (B, K) how often each outcome was drawn.
        totals: (B,) number of replies.
        n: Size of the subset, at least 1.
    """
    total = totals[:, None].astype(np.float64)
    missed = total - counts
    avoidable = missed >= n
    least = np.maximum(missed, n)
    # Paired so that a count of 0 cancels exactly.
    log_unseen = (gammaln(least + 1) - gammaln(total + 1)) - (
        gammaln(least - n + 1) - gammaln(np.maximum(total - n, 0) + 1)
    )
    seen = np.where(avoidable, -np.expm1(np.minimum(log_unseen, 0.0)), 1.0)
    return np.where(totals >= n, seen.mean(axis=1), np.nan)
