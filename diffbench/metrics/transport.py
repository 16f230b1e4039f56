"""How far probability has to be carried where outcomes have an order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from diffbench.metrics.checks import as_distribution, as_values

__all__ = ["wasserstein"]


def wasserstein(p: npt.ArrayLike, q_valid: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Return the least mean distance between target and model draws (W1).

    Integral over x of |F_p(x) - F_q(x)|, F the cumulative distributions

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        q_valid: Shape (K,), the model's probabilities, summing to 1.
        values: Shape (K,), the finite number or position of each outcome, in any
            order; equal values are one point.

    Returns:
        Distance in the unit of values, 0 to max(values) - min(values).

    Raises:
        ValueError: If p or q_valid is no distribution, values is not finite, or
            sizes differ.

    Reference:
        Vallender (1974), Theory of Probability and Its Applications 18(4).
    """
    target = as_distribution(p)
    model = as_distribution(q_valid, size=target.size, name="q_valid")
    points = as_values(values, size=target.size)
    order = np.argsort(points, kind="stable")
    gap = np.abs(np.cumsum((target - model)[order])[:-1])
    return float(np.sum(gap * np.diff(points[order])))
