"""Which way of a metric is better, as one number that rises when things improve."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from diffbench.metrics import METRICS_BY_NAME, TargetArrays, measure_probabilities

__all__ = ["Better", "gain_between", "natural_direction"]

Better: TypeAlias = Literal["higher", "lower", "near_one", "near_target"]


def natural_direction(metric: str) -> Better | None:
    """Return which values of a metric are better; None if none are."""
    direction = METRICS_BY_NAME[metric].direction
    return None if direction == "none" else direction


def gain_between(
    before: float, after: float, *, metric: str, better: Better, target: TargetArrays
) -> float:
    """Return how much better a metric became; negative where it became worse.

    The unit is the metric's. For near_one and near_target it is the distance to 1, or
    to the value that the target itself has, by which the metric came nearer.
    """
    if better == "higher":
        return after - before
    if better == "lower":
        return before - after
    best = 1.0 if better == "near_one" else _value_of_target(metric, target)
    return abs(before - best) - abs(after - best)


def _value_of_target(metric: str, target: TargetArrays) -> float:
    with np.errstate(divide="ignore"):
        log_p = np.log(target.p)
    value = measure_probabilities(target, log_p)[metric].value
    if value is None:
        raise ValueError(f"the target itself has no {metric}")
    return value
