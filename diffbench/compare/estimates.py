"""A task's metric as an estimate with limits, free of the bias of counting replies.

The one place that asks `diffbench.metrics` for what replies are worth.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

from scipy.special import ndtri

from diffbench.compare.intervals import Estimate, mean
from diffbench.compare.measurement import MeasuredPrompt, MeasuredTask
from diffbench.metrics import FloatArray, TargetArrays, corrected_overlap, renormalise
from diffbench.metrics import overlap as exact_overlap

__all__ = ["ESTIMATED", "AtLevel", "NoEstimateError", "estimate_task"]

ESTIMATED = ("overlap", "overlap_valid", "valid_mass")
"""Metrics that replies can be compared on."""

AtLevel: TypeAlias = Callable[[float], Estimate]
"""From a confidence level, two-sided, to an estimate with limits at that level."""


class NoEstimateError(Exception):
    """The replies do not carry an estimate; the message says why."""


def estimate_task(task: MeasuredTask, target: TargetArrays, metric: str) -> AtLevel:
    """Return a task's metric, the mean over its prompts, with limits at any level.

    From replies, the value is free of the plug-in's bias, and the limits leave room for
    the bias that remains. Exact values are lower bounds: the upper limit has room for
    what unusual spellings of the answers could add.

    Raises:
        NoEstimateError: If the metric cannot be estimated from these replies.
    """
    if metric not in ESTIMATED:
        raise NoEstimateError(
            f"{metric} has no estimate from replies that is free of bias; compare "
            f"{', '.join(ESTIMATED)}, or exact values"
        )
    parts = [_of_prompt(prompt, target, metric) for prompt in task.prompts]
    return lambda level: mean([part(level) for part in parts])


def _of_prompt(prompt: MeasuredPrompt, target: TargetArrays, metric: str) -> AtLevel:
    if prompt.counts is None:
        if prompt.probabilities is None:
            raise ValueError(f"prompt {prompt.id} has neither probabilities nor counts")
        found = _exact(prompt.probabilities, target, metric)
        return lambda _: found
    if metric == "valid_mass":
        return lambda level: _wilson(prompt.n - prompt.n_invalid, prompt.n, level)
    n_invalid, mass = prompt.n_invalid, target.listed_mass
    if metric == "overlap_valid":
        n_invalid, mass = 0, 1.0
        if not prompt.counts.any():
            raise NoEstimateError(f"prompt {prompt.id} has no valid reply")
    corrected = corrected_overlap(target.p, prompt.counts, n_invalid, mass)
    if corrected.value is None or corrected.scatter is None or corrected.bias is None:
        raise NoEstimateError(corrected.reason or "no estimate")
    value, scatter, bias = corrected.value, corrected.scatter, corrected.bias
    return lambda level: _normal(value, scatter, bias, level)


def _exact(q: FloatArray, target: TargetArrays, metric: str) -> Estimate:
    valid = min(float(q.sum()), 1.0)
    rest = 1.0 - valid
    if metric == "valid_mass":
        return Estimate(value=valid, down=0.0, up=rest)
    if metric == "overlap_valid":
        if valid == 0:
            raise NoEstimateError("no valid answer has any probability")
        value = exact_overlap(target.p, renormalise(q))
        # Missing mass moves at most its own share of what is valid, either way.
        return Estimate(value=value, down=min(value, rest), up=min(1.0 - value, rest))
    value = exact_overlap(target.p, q, target.listed_mass)
    up = min(max(0.0, 1.0 - value), rest / target.listed_mass)
    return Estimate(value=value, down=0.0, up=up)


def _normal(value: float, scatter: float, bias: float, level: float) -> Estimate:
    reach = _quantile(level) * scatter
    return Estimate(value=value, down=reach, up=reach, bias=bias)


def _wilson(hits: int, n: int, level: float) -> Estimate:
    """Return a proportion with Wilson's score interval (1927, JASA 22)."""
    z = _quantile(level)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(
        value=share,
        down=max(0.0, share - (middle - reach)),
        up=max(0.0, middle + reach - share),
    )


def _quantile(level: float) -> float:
    return float(ndtri((1 + level) / 2))
