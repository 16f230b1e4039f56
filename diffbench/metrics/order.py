"""Whether replies, in the order in which they were drawn, repeat beyond chance.

A cache that serves its last reply again, or a seed that is sent twice in a row, makes
neighbours equal more often than their counts explain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from diffbench.metrics.checks import as_counts

__all__ = ["Neighbours", "equal_neighbours", "expected_neighbours", "repeats_p"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Equal neighbours among N replies put in a random order.

    Attributes:
        mean: Expected number of replies that equal the one before.
        variance: Its variance.
    """

    mean: float
    variance: float


def equal_neighbours(labels: Sequence[object]) -> int:
    """Return how many replies equal the one before; N less this is the number of runs."""
    return sum(a == b for a, b in pairwise(labels))


def expected_neighbours(counts: npt.ArrayLike) -> Neighbours:
    """Return the law of equal neighbours over all orders of replies with these counts.

    With T = N - 1 neighbours and falling factorials x^(j):
    mean = T s2, variance = T s2 + 2 (T - 1) s3 + (T - 1)(T - 2) s22 - (T s2)^2, where
    s2 = sum n_i^(2) / N^(2), s3 = sum n_i^(3) / N^(3),
    s22 = (sum n_i^(4) + sum_{i != j} n_i^(2) n_j^(2)) / N^(4)

    Args:
        counts: Shape (K,), replies of each kind; at least one reply.

    Reference:
        Mood (1940), Annals of Mathematical Statistics 11(4), for runs of several kinds.
    """
    drawn = as_counts(counts).astype(np.float64)
    n = float(drawn.sum())
    if n < 2:
        return Neighbours(mean=0.0, variance=0.0)
    pairs, t = drawn * (drawn - 1), n - 1
    s2 = float(pairs.sum()) / (n * (n - 1))
    s3 = float((pairs * (drawn - 2)).sum()) / (n * (n - 1) * (n - 2)) if n > 2 else 0.0
    s22 = 0.0
    if n > 3:
        both = float((pairs * (drawn - 2) * (drawn - 3)).sum())
        both += float(pairs.sum()) ** 2 - float(np.square(pairs).sum())
        s22 = both / (n * (n - 1) * (n - 2) * (n - 3))
    variance = t * s2 + 2 * (t - 1) * s3 + (t - 1) * (t - 2) * s22 - (t * s2) ** 2
    # Where only one order is possible, what is left is rounding.
    return Neighbours(mean=t * s2, variance=variance if variance > 1e-9 * n else 0.0)


def repeats_p(observed: Sequence[int], expected: Sequence[Neighbours]) -> float | None:
    """Return how likely so many equal neighbours are, over independent samples.

    One-sided: 1 - Phi(sum (observed - mean) / sqrt(sum variance)), which the sum of many
    prompts and replies brings near a normal law.

    Returns:
        Probability; None where no order could show anything, as when all replies agree.
    """
    variance = math.fsum(one.variance for one in expected)
    if variance == 0.0:
        return None
    pairs = zip(observed, expected, strict=True)
    excess = math.fsum(seen - one.mean for seen, one in pairs)
    # Half a neighbour less: counts are whole.
    return float(norm.sf((excess - 0.5) / math.sqrt(variance)))
