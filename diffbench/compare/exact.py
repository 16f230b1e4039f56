"""Exact values: computed, not drawn, so only arithmetic can move them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from diffbench.compare.direction import Better, gain_between
from diffbench.compare.measurement import MeasuredTask
from diffbench.compare.verdict import PromptChange
from diffbench.metrics import (
    PRIMARY_METRIC,
    FloatArray,
    MetricValue,
    TargetArrays,
    aggregate,
    measure_probabilities,
    overlap,
)

__all__ = ["exact_value", "exact_values", "least_gain"]


def exact_values(
    task: MeasuredTask, target: TargetArrays, metric: str
) -> list[MetricValue]:
    """Return one value for each prompt, computed from its probabilities.

    Raises:
        ValueError: If probabilities are NaN or no distribution.
    """
    values = []
    for prompt in task.prompts:
        if prompt.probabilities is None:
            raise ValueError(f"prompt {prompt.id} has no probabilities")
        values.append(_value(target, prompt.probabilities, metric))
    return values


def _value(target: TargetArrays, q: FloatArray, metric: str) -> MetricValue:
    if metric == PRIMARY_METRIC:
        # Alone it takes a thirtieth of the time of all metrics.
        return MetricValue(value=overlap(target.p, q, target.listed_mass))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_q = np.log(q)
    return measure_probabilities(target, log_q)[metric]


def exact_value(values: Sequence[MetricValue]) -> MetricValue:
    """Return the task's value: the mean over its prompts."""
    return aggregate(values)


def least_gain(
    task: MeasuredTask,
    before: Sequence[MetricValue],
    after: Sequence[MetricValue],
    *,
    metric: str,
    better: Better,
    target: TargetArrays,
) -> PromptChange:
    """Return the prompt that gained least, since a mean hides a swap."""
    gain = partial(gain_between, metric=metric, better=better, target=target)
    gains = [
        PromptChange(id=prompt.id, gain=gain(old.value, new.value))
        for prompt, old, new in zip(task.prompts, before, after, strict=True)
        if old.value is not None and new.value is not None
    ]
    return min(gains, key=lambda one: one.gain)
