"""From a model's probabilities to q restricted to the valid outcomes, and back.

The model spreads its mass over the K outcomes and over everything else. These
functions either forget the rest (renormalise) or make it an outcome (invalid_mass).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from diffbench.metrics.checks import (
    FloatArray,
    as_log_subdistribution,
    as_subdistribution,
)
from diffbench.metrics.logspace import log_sum

__all__ = ["invalid_mass", "log_renormalise", "renormalise"]

# Hellinger takes the square root of the rest: 1e-16 of float rounding would show
# as a distance of 1e-8 between equal distributions.
_ROUNDING: Final = 1e-12


def renormalise(q: npt.ArrayLike) -> FloatArray:
    """Return the model's distribution given that the reply is valid.

    q_valid[k] = q[k] / sum(q)

    Args:
        q: Shape (K,), probabilities summing to at most 1.

    Returns:
        Shape (K,), probabilities summing to 1.

    Raises:
        ValueError: If q is no sub-distribution, or has no mass at all.
    """
    array = as_subdistribution(q)
    total = float(array.sum())
    if total == 0.0:
        raise ValueError("q cannot be renormalised: its valid mass is 0")
    return array / total


def log_renormalise(log_q: npt.ArrayLike) -> FloatArray:
    """Return the log of the model's distribution given that the reply is valid.

    log q_valid[k] = log q[k] - log sum_j exp(log q[j])

    Args:
        log_q: Shape (K,), nats, -inf allowed; far below exp's underflow is fine.

    Returns:
        Shape (K,), nats; exp of it sums to 1.

    Raises:
        ValueError: If log_q is no log of a sub-distribution, or is -inf throughout.
    """
    array = as_log_subdistribution(log_q)
    log_total = log_sum(array)
    if log_total == -np.inf:
        raise ValueError("log_q cannot be renormalised: its valid mass is 0")
    return array - log_total


def invalid_mass(q: npt.ArrayLike) -> float:
    """Return the probability of the invalid outcome, 1 - sum(q).

    Args:
        q: Shape (K,), probabilities summing to at most 1.

    Returns:
        Probability, 0 to 1; a rest below 1e-12 is float rounding and counts as 0.

    Raises:
        ValueError: If q is no sub-distribution.
    """
    rest = 1.0 - float(as_subdistribution(q).sum())
    return rest if rest > _ROUNDING else 0.0
