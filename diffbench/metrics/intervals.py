"""Confidence intervals: which metric has one, how it is made, and where it is not offered.

The rules were chosen by `simulations/intervals.py`, whose table stands in
docs/statistics.md. Percentile bootstraps are not among them: they missed a uniform model
always, since the plug-in that they resample is biased.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from types import MappingProxyType
from typing import Final

from scipy.stats import beta, t

__all__ = [
    "FAMILY_METHOD",
    "LEAST_PROMPTS",
    "LEAST_REPLIES",
    "LEVEL",
    "RULES",
    "WIDENED",
    "ConfidenceInterval",
    "Uncertainty",
    "WidthRule",
    "binomial_interval",
    "family_interval",
    "widened_interval",
]

LEVEL: Final = 0.95
LEAST_REPLIES: Final = 50
"""Below as many replies no interval but a proportion's has been shown to hold."""

LEAST_PROMPTS: Final = 10
"""A family of fewer prompts has no interval."""

CLOPPER_PEARSON: Final = "Clopper-Pearson"
WIDENED: Final = "fitted simulation, widened"
FAMILY_METHOD: Final = "t over tasks, then wordings"

_Z: Final = 1.959963984540054
_WIDENING: Final = 1.5
_ALLOWANCE: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
    """Where a metric of the model itself lies.

    Attributes:
        lo: Lower end, in the metric's unit.
        hi: Upper end.
        level: Nominal coverage.
        method: How it was made.
    """

    lo: float
    hi: float
    level: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthRule:
    """Half the width is z (3/2) scatter + (3/10) |gap| + floor.

    Attributes:
        floor: Least half width for N replies and K outcomes: what replies that never
            show a rare outcome leave open.
    """

    floor: Callable[[int, int], float]


def _none(n: int, size: int) -> float:
    return 0.0


def _root(n: int, size: int) -> float:
    return 1.0 / math.sqrt(n)


def _one_outcome(n: int, size: int) -> float:
    return 1.0 / size


RULES: Final[Mapping[str, WidthRule]] = MappingProxyType(
    {
        "overlap": WidthRule(floor=_none),
        "overlap_valid": WidthRule(floor=_none),
        "hellinger": WidthRule(floor=_root),
        "hellinger_valid": WidthRule(floor=_root),
        "coverage_100": WidthRule(floor=_one_outcome),
        "coverage_1000": WidthRule(floor=_one_outcome),
    }
)
"""The metrics that have an interval from a fitted simulation."""


def binomial_interval(hits: int, n: int) -> ConfidenceInterval:
    """Return the Clopper-Pearson interval of a probability, never below its level.

    Args:
        hits: Replies that count, 0 to n.
        n: Replies, at least 1.

    Reference:
        Clopper and Pearson (1934), Biometrika 26(4).
    """
    tail = (1.0 - LEVEL) / 2.0
    lo = float(beta.ppf(tail, hits, n - hits + 1)) if hits > 0 else 0.0
    hi = float(beta.ppf(1.0 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return ConfidenceInterval(lo=lo, hi=hi, level=LEVEL, method=CLOPPER_PEARSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What decides the width of an interval.

    Attributes:
        scatter: Standard deviation of the value, the larger of two simulations.
        gap: What a perfect sampler's raw value misses the target's by.
        n: Replies that the value rests on.
        size: Number of outcomes.
    """

    scatter: float
    gap: float
    n: int
    size: int


def widened_interval(
    value: float, name: str, known: Uncertainty, bounds: tuple[float, float]
) -> ConfidenceInterval:
    """Return value plus and minus the metric's width, cut to its range.

    Args:
        value: The corrected value.
        name: A metric of RULES.
        known: What decides the width.
        bounds: Range of the metric.
    """
    half = _Z * _WIDENING * known.scatter + _ALLOWANCE * abs(known.gap)
    half += RULES[name].floor(known.n, known.size)
    return ConfidenceInterval(
        lo=max(value - half, bounds[0]),
        hi=min(value + half, bounds[1]),
        level=LEVEL,
        method=WIDENED,
    )


def family_interval(
    tasks: Sequence[Sequence[float]], bounds: tuple[float, float]
) -> ConfidenceInterval | None:
    """Return where the mean over other tasks and wordings of this kind would lie.

    mean +- t sqrt(V / T + sum_t W_t / (T^2 P_t)), with V the variance of the T tasks'
    means and W_t that of task t's P_t prompts (divisor P_t): the variance of resampling
    tasks, then wordings, in closed form, with T - 1 degrees of freedom. Percentiles of
    that bootstrap cover far too little where tasks are few.

    Args:
        tasks: The prompts' values of each task.
        bounds: Range of the metric.

    Returns:
        None for fewer than ten prompts, or a single task.

    Reference:
        Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8.
    """
    n_tasks = len(tasks)
    if n_tasks < 2 or sum(map(len, tasks)) < LEAST_PROMPTS:
        return None
    means = [fmean(values) for values in tasks]
    within = math.fsum(
        _variance(values) * (len(values) - 1) / len(values) ** 2
        for values in tasks
        if len(values) > 1
    )
    error = math.sqrt(_variance(means) / n_tasks + within / n_tasks**2)
    half = float(t.ppf((1.0 + LEVEL) / 2.0, n_tasks - 1)) * error
    mean = fmean(means)
    return ConfidenceInterval(
        lo=max(mean - half, bounds[0]),
        hi=min(mean + half, bounds[1]),
        level=LEVEL,
        method=FAMILY_METHOD,
    )


def _variance(values: Sequence[float]) -> float:
    """Return the sample variance; `statistics.variance` is exact, and ten times slower."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
