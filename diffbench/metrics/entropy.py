"""How spread out a distribution is, in nats and in outcomes."""

from __future__ import annotations

import math

import numpy.typing as npt
from scipy.special import entr

from diffbench.metrics.checks import as_distribution

__all__ = ["effective_outcomes", "entropy", "entropy_ratio"]


def entropy(p: npt.ArrayLike) -> float:
    """Return the Shannon entropy of a distribution.

    H(p) = -sum_k p[k] ln p[k], with 0 ln 0 = 0

    Args:
        p: Shape (K,), probabilities summing to 1. A model's probabilities with
            invalid mass must be renormalised first.

    Returns:
        Nats, 0 to ln K.

    Raises:
        ValueError: If p is no distribution.

    Reference:
        Shannon (1948), A Mathematical Theory of Communication, section 6.
    """
    return float(entr(as_distribution(p)).sum())


def entropy_ratio(q_valid: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Return the model's entropy as a multiple of the target's.

    H(q_valid) / H(p)

    Args:
        q_valid: Shape (K,), the model's probabilities, summing to 1.
        p: Shape (K,), target probabilities, summing to 1.

    Returns:
        Ratio without unit, at least 0; 1 where both are equally spread.

    Raises:
        ValueError: If either is no distribution, sizes differ, or H(p) is 0.

    Reference:
        Pielou (1966), J. Theoretical Biology 13, for uniform p (evenness).
    """
    target = as_distribution(p)
    model = as_distribution(q_valid, size=target.size, name="q_valid")
    target_nats = entropy(target)
    if target_nats == 0.0:
        raise ValueError("entropy_ratio needs a target with entropy above 0, but got 0")
    return entropy(model) / target_nats


def effective_outcomes(p: npt.ArrayLike) -> float:
    """Return how many equally likely outcomes would have the same entropy.

    exp(H(p))

    Args:
        p: Shape (K,), probabilities summing to 1.

    Returns:
        Outcomes, 1 to K.

    Raises:
        ValueError: If p is no distribution.

    Reference:
        Hill (1973), Ecology 54, the number of order 1.
    """
    return math.exp(entropy(p))
