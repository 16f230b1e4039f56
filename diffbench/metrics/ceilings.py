"""What a perfect sampler shows at a finite number of replies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from diffbench.metrics.checks import as_distribution, check_draws, check_listed_mass

__all__ = ["perfect_overlap"]


def perfect_overlap(p: npt.ArrayLike, n: int, listed_mass: float = 1.0) -> float:
    """Return the expected plug-in overlap of n draws from the target itself.

    sum_k E min(m p[k], X_k / n) / m, with X_k binomial (n, m p[k])

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        n: Number of replies, at least 1.
        listed_mass: In (0, 1], how much the true target gives the K outcomes.

    Returns:
        0 to 1; below 1 for finite n, since chance alone moves counts off the target.

    Raises:
        ValueError: If p is no distribution, or n or listed_mass is out of range.

    Reference:
        De Moivre's mean absolute deviation of the binomial: Diaconis and Zabell (1991),
        Statistical Science 6(3).
    """
    check_draws(n)
    check_listed_mass(listed_mass)
    share, times = np.unique(as_distribution(p), return_counts=True)
    q = listed_mass * share
    # E[X; X <= t] = n q P(Bin(n - 1, q) <= t - 1).
    at_most = np.floor(n * q * (1 + 1e-12))
    least = q * binom.sf(at_most, n, q) + q * binom.cdf(at_most - 1, n - 1, q)
    return min(float((times * least).sum()) / listed_mass, 1.0)
