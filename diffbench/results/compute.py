"""From probabilities or counts to metrics, means over prompts, families and overall.

The runner writes what these functions return; `verify` calls them again on the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from diffbench.metrics import (
    METRICS,
    MetricValue,
    TargetArrays,
    aggregate,
    measure_counts,
    measure_probabilities,
)
from diffbench.results.schema import Aggregate, MetricEntry, TargetRecord, TaskResult

__all__ = [
    "family_aggregates",
    "mean_metrics",
    "metrics_from_counts",
    "metrics_from_probabilities",
    "overall_aggregate",
]


def metrics_from_probabilities(
    target: TargetRecord, probabilities: Sequence[float]
) -> dict[str, MetricEntry]:
    """Return every metric of one prompt from its exact probabilities, (K,)."""
    with np.errstate(divide="ignore"):
        log_q = np.log(np.asarray(probabilities, dtype=np.float64))
    return _entries(measure_probabilities(_arrays(target), log_q), n=None)


def metrics_from_counts(
    target: TargetRecord, counts: Sequence[int], n_invalid: int
) -> dict[str, MetricEntry]:
    """Return every metric of one prompt from its replies' counts, (K,)."""
    values = measure_counts(_arrays(target), np.asarray(counts), n_invalid)
    return _entries(values, n=sum(counts) + n_invalid)


def mean_metrics(
    members: Sequence[Mapping[str, MetricEntry]],
) -> dict[str, MetricEntry]:
    """Average each metric over members with equal weight; a null member makes a null."""
    return {
        metric.name: _mean([member[metric.name] for member in members])
        for metric in METRICS
    }


def family_aggregates(tasks: Sequence[TaskResult]) -> list[Aggregate]:
    """Average each family over its tasks, families in the order of first appearance."""
    families = list(dict.fromkeys(task.family for task in tasks))
    return [
        _aggregate(name, [task for task in tasks if task.family == name])
        for name in families
    ]


def overall_aggregate(families: Sequence[Aggregate]) -> Aggregate:
    """Average over families, equal weight."""
    return Aggregate(
        name="overall",
        members=[family.name for family in families],
        metrics=mean_metrics([family.metrics for family in families]),
    )


def _aggregate(name: str, tasks: Sequence[TaskResult]) -> Aggregate:
    return Aggregate(
        name=name,
        members=[task.name for task in tasks],
        metrics=mean_metrics([task.metrics for task in tasks]),
    )


def _arrays(target: TargetRecord) -> TargetArrays:
    return TargetArrays(
        p=np.asarray(target.probabilities, dtype=np.float64),
        values=None if target.values is None else np.asarray(target.values),
        listed_mass=target.listed_mass,
    )


def _entries(values: Mapping[str, MetricValue], n: int | None) -> dict[str, MetricEntry]:
    return {
        name: MetricEntry(value=value.value, reason=value.reason, n=n)
        for name, value in values.items()
    }


def _mean(entries: Sequence[MetricEntry]) -> MetricEntry:
    mean = aggregate(
        [MetricValue(value=entry.value, reason=entry.reason) for entry in entries]
    )
    replies = [entry.n for entry in entries if entry.n is not None]
    return MetricEntry(
        value=mean.value, reason=mean.reason, n=sum(replies) if replies else None
    )
