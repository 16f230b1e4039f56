"""Certified bounds on metrics where part of the probability is unexplored.

Known are a lower bound L_y of each outcome's probability q_y, the unexplored mass R_y
that could still become it, and the whole unexplored mass U that could become any:
q_y = L_y + u_y with 0 <= u_y <= R_y and sum u <= U. Every bound holds for each such q,
and the two meet as U falls to 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bounds", "Explored", "entropy_bounds", "overlap_bounds", "valid_mass_bounds"]

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What is known of a model's distribution over K outcomes.

    Attributes:
        lower: (K,) lower bound of each probability, L.
        reachable: (K,) unexplored mass that could become each outcome, R.
        undecided: Unexplored mass that could become any outcome, U.
    """

    lower: FloatArray
    reachable: FloatArray
    undecided: float


def valid_mass_bounds(explored: Explored) -> Bounds:
    """Return bounds on sum_y q_y, both in [0, 1]."""
    least = math.fsum(explored.lower)
    more = min(explored.undecided, math.fsum(explored.reachable))
    return min(1.0, least), min(1.0, least + more)


def overlap_bounds(p: FloatArray, explored: Explored, listed_mass: float = 1.0) -> Bounds:
    """Return bounds on sum_y min(m p_y, q_y) / m, with m the listed mass.

    Args:
        p: (K,) target probabilities, summing to 1.
        explored: What is known of q.
        listed_mass: Part of the true distribution that the target lists, in (0, 1].
    """
    target = listed_mass * p
    least = math.fsum(np.minimum(target, explored.lower))
    # Mass helps where q is below the target, and no more than it is below.
    missing = np.maximum(target - explored.lower, 0.0)
    more = min(explored.undecided, math.fsum(np.minimum(missing, explored.reachable)))
    return min(1.0, least / listed_mass), min(1.0, (least + more) / listed_mass)


def entropy_bounds(explored: Explored) -> Bounds | None:
    """Return bounds in nats on the entropy of q renormalised to the outcomes.

    Adding mass to the likeliest outcome lowers the entropy, and adding it to the least
    likely raises it, so the extremes put all of U on the first, or fill up the last.

    Returns:
        None where nothing valid is known.
    """
    total = math.fsum(explored.lower)
    if total <= 0:
        return None
    peaked = explored.lower.copy()
    peaked[int(np.argmax(peaked))] += explored.undecided
    return _entropy(peaked), _entropy(_filled(explored.lower, explored.undecided))


def _filled(lower: FloatArray, mass: float) -> FloatArray:
    """Raise the smallest entries to one level that uses up `mass` (water-filling)."""
    ordered = np.sort(lower)
    counts = np.arange(1, len(ordered) + 1)
    levels = (np.cumsum(ordered) + mass) / counts
    # The level of the first k entries holds if the next entry stands above it.
    above = np.append(ordered[1:], np.inf)
    level = levels[int(np.argmax(levels <= above))]
    return np.asarray(np.maximum(lower, level))


def _entropy(q: FloatArray) -> float:
    share = q / math.fsum(q)
    positive = share[share > 0]
    return max(0.0, -math.fsum(positive * np.log(positive)))
