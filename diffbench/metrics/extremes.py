"""Which outcome the model favours most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diffbench.metrics.checks import as_distribution, as_subdistribution

__all__ = ["TopRatio", "top_ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopRatio:
    """The most over-drawn outcome.

    Attributes:
        index: Its place among the K outcomes, from 0.
        ratio: How many times too often it is drawn, q / p, at least 0.
    """

    index: int
    ratio: float


def top_ratio(p: npt.ArrayLike, q: npt.ArrayLike) -> TopRatio:
    """Return the outcome that is drawn too often by the largest factor.

    max over p[k] > 0 of q[k] / p[k]; of equal ratios the lowest index

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        q: Shape (K,), model probabilities, summing to at most 1.

    Returns:
        Index and ratio (no unit). If all of q lies where p > 0 the ratio is at least
        1, and 1 only for q = p; inf where p is too small to divide by.

    Raises:
        ValueError: If p or q is no (sub-)distribution, or sizes differ.

    Reference:
        van Erven and Harremoes (2014), IEEE Transactions on Information Theory
        60(7): exp of the Renyi divergence of order infinity.
    """
    target = as_distribution(p)
    model = as_subdistribution(q, size=target.size)
    asked = np.flatnonzero(target)
    with np.errstate(over="ignore"):
        ratios = model[asked] / target[asked]
    best = int(ratios.argmax())
    return TopRatio(index=int(asked[best]), ratio=float(ratios[best]))
