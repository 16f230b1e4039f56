"""From probabilities or counts to metrics, means over prompts, families and overall.

The runner writes what these functions return; `verify` calls them again on the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean

import numpy as np

from diffbench.metrics import (
    METRICS,
    Estimate,
    Explored,
    MetricValue,
    TargetArrays,
    aggregate,
    entropy_bounds,
    estimate_counts,
    measure_probabilities,
    overlap_bounds,
    valid_mass_bounds,
)
from diffbench.results.schema import (
    Aggregate,
    Exploration,
    Interval,
    MetricEntry,
    TargetRecord,
    TaskResult,
)

__all__ = [
    "CERTIFIED",
    "family_aggregates",
    "mean_metrics",
    "metrics_from_counts",
    "metrics_from_exploration",
    "metrics_from_probabilities",
    "overall_aggregate",
]

CERTIFIED = "certified bounds"
"""Method of an interval that holds with certainty."""


def metrics_from_probabilities(
    target: TargetRecord, probabilities: Sequence[float]
) -> dict[str, MetricEntry]:
    """Return every metric of one prompt from its exact probabilities, (K,)."""
    with np.errstate(divide="ignore"):
        log_q = np.log(np.asarray(probabilities, dtype=np.float64))
    return _entries(measure_probabilities(_arrays(target), log_q), n=None)


def metrics_from_exploration(
    target: TargetRecord, probabilities: Sequence[float], exploration: Exploration
) -> dict[str, MetricEntry]:
    """Return every metric of one prompt at the explored probabilities, (K,).

    Those whose bounds are certified carry them as an interval of level 1.
    """
    entries = metrics_from_probabilities(target, probabilities)
    if len(exploration.reachable) != len(probabilities):
        raise ValueError("reachable masses are those of other outcomes")
    explored = Explored(
        lower=np.asarray(probabilities, dtype=np.float64),
        reachable=np.asarray(exploration.reachable, dtype=np.float64),
        undecided=exploration.undecided,
    )
    arrays = _arrays(target)
    certified = {
        "overlap": overlap_bounds(arrays.p, explored, arrays.listed_mass),
        "valid_mass": valid_mass_bounds(explored),
        "entropy": entropy_bounds(explored),
    }
    for name, found in certified.items():
        if found is not None and entries[name].value is not None:
            interval = Interval(lo=found[0], hi=found[1], level=1.0, method=CERTIFIED)
            entries[name] = entries[name].model_copy(update={"interval": interval})
    return entries


def metrics_from_counts(
    target: TargetRecord, counts: Sequence[int], n_invalid: int
) -> dict[str, MetricEntry]:
    """Return every metric of one prompt from its replies' counts, (K,)."""
    found = estimate_counts(_arrays(target), np.asarray(counts), n_invalid)
    return {name: _estimated(one) for name, one in found.items()}


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


def _estimated(found: Estimate) -> MetricEntry:
    interval = None if found.interval is None else Interval(**asdict(found.interval))
    return MetricEntry(
        value=found.value,
        reason=found.reason,
        interval=interval,
        raw=found.raw,
        bias=found.bias,
        perfect=found.perfect,
        excess=found.excess,
        n=found.n,
    )


def _mean(entries: Sequence[MetricEntry]) -> MetricEntry:
    mean = aggregate(
        [MetricValue(value=entry.value, reason=entry.reason) for entry in entries]
    )
    replies = [entry.n for entry in entries if entry.n is not None]
    return MetricEntry(
        value=mean.value,
        reason=mean.reason,
        interval=_mean_bounds([entry.interval for entry in entries]),
        n=sum(replies) if replies else None,
    )


def _mean_bounds(intervals: Sequence[Interval | None]) -> Interval | None:
    """Average certified bounds; a mean of bounds bounds the mean."""
    certified = [one for one in intervals if one is not None and one.method == CERTIFIED]
    if not certified or len(certified) < len(intervals):
        return None
    return Interval(
        lo=fmean(one.lo for one in certified),
        hi=fmean(one.hi for one in certified),
        level=1.0,
        method=CERTIFIED,
    )
