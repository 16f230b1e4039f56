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
    SAMPLED_METRICS,
    Estimate,
    Explored,
    MetricValue,
    TargetArrays,
    aggregate,
    entropy_bounds,
    estimate_counts,
    family_interval,
    fit_tests,
    measure_probabilities,
    metric_bounds,
    overlap_bounds,
    peer_ks,
    valid_mass_bounds,
)
from diffbench.results.schema import (
    Aggregate,
    Exploration,
    FitResult,
    Interval,
    MetricEntry,
    PeerTest,
    TargetRecord,
    TaskResult,
)

__all__ = [
    "CERTIFIED",
    "FAMILY_INTERVALS",
    "family_aggregates",
    "fit_of_counts",
    "mean_entry",
    "mean_metrics",
    "metrics_from_counts",
    "metrics_from_exploration",
    "metrics_from_probabilities",
    "overall_aggregate",
]

CERTIFIED = "certified bounds"
"""Method of an interval that holds with certainty."""

FAMILY_INTERVALS = (
    "overlap",
    "overlap_valid",
    "valid_mass",
    "entropy_ratio",
    "js",
    "js_valid",
    "hellinger",
    "hellinger_valid",
)
"""Metrics in one unit for all tasks, whose means over a family have an interval."""


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


def fit_of_counts(target: TargetRecord, counts: Sequence[int], n_invalid: int) -> FitResult:
    """Return tests of whether one prompt's replies, (K,) counts, fit the target."""
    arrays, drawn = _arrays(target), np.asarray(counts)
    peer = None if arrays.values is None else peer_ks(arrays.p, drawn, arrays.values)
    return FitResult(
        **asdict(fit_tests(arrays, drawn, n_invalid)),
        peer_ks=None if peer is None else PeerTest(**asdict(peer)),
    )


def mean_metrics(
    members: Sequence[Mapping[str, MetricEntry]],
) -> dict[str, MetricEntry]:
    """Average each metric over members with equal weight; a null member makes a null.

    Metrics of replies alone are averaged where every member has them.
    """
    names = [metric.name for metric in METRICS] + [
        metric.name
        for metric in SAMPLED_METRICS
        if all(metric.name in member for member in members)
    ]
    return {name: mean_entry([member[name] for member in members]) for name in names}


def family_aggregates(tasks: Sequence[TaskResult]) -> list[Aggregate]:
    """Average each family over its tasks, families in the order of first appearance."""
    families = list(dict.fromkeys(task.family for task in tasks))
    return [
        _aggregate(name, [task for task in tasks if task.family == name])
        for name in families
    ]


def overall_aggregate(families: Sequence[Aggregate]) -> Aggregate:
    """Average over families, equal weight; of none there are no metrics."""
    return Aggregate(
        name="overall",
        members=[family.name for family in families],
        metrics=mean_metrics([family.metrics for family in families]) if families else {},
    )


def _aggregate(name: str, tasks: Sequence[TaskResult]) -> Aggregate:
    means = mean_metrics([task.metrics for task in tasks])
    for metric in FAMILY_INTERVALS:
        if means[metric].value is not None and not _is_certain(means[metric]):
            found = _over_tasks(metric, tasks)
            means[metric] = means[metric].model_copy(update={"interval": found})
    return Aggregate(name=name, members=[task.name for task in tasks], metrics=means)


def _over_tasks(metric: str, tasks: Sequence[TaskResult]) -> Interval | None:
    values = [
        [prompt.metrics[metric].value or 0.0 for prompt in task.prompts] for task in tasks
    ]
    found = family_interval(values, metric_bounds(metric))
    return None if found is None else Interval(**asdict(found))


def _is_certain(entry: MetricEntry) -> bool:
    return entry.interval is not None and entry.interval.method == CERTIFIED


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


def mean_entry(entries: Sequence[MetricEntry]) -> MetricEntry:
    """Average one metric over members, equal weight; a null member makes a null."""
    mean = aggregate(
        [MetricValue(value=entry.value, reason=entry.reason) for entry in entries]
    )
    replies = [entry.n for entry in entries if entry.n is not None]
    return MetricEntry(
        value=mean.value,
        reason=mean.reason,
        interval=_mean_bounds([entry.interval for entry in entries]),
        raw=_mean_of([entry.raw for entry in entries]),
        bias=_mean_of([entry.bias for entry in entries]),
        perfect=_mean_of([entry.perfect for entry in entries]),
        excess=_mean_of([entry.excess for entry in entries]),
        n=sum(replies) if replies else None,
    )


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _mean_bounds(intervals: Sequence[Interval | None]) -> Interval | None:
    """Average the ends of intervals of one kind.

    A mean of certified bounds bounds the mean. That of confidence intervals covers more
    than nominally where prompts err independently, and still covers where they err alike.
    """
    known = [one for one in intervals if one is not None]
    kinds = {(one.level, one.method) for one in known}
    if len(known) < len(intervals) or len(kinds) != 1:
        return None
    ((level, method),) = kinds
    return Interval(
        lo=fmean(one.lo for one in known),
        hi=fmean(one.hi for one in known),
        level=level,
        method=method,
    )
