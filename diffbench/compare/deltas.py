"""What changed between two results, for the tasks that both measured alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from diffbench.errors import ResultError
from diffbench.metrics import METRICS
from diffbench.results import MetricEntry, RunResult, TaskResult

__all__ = [
    "Comparison",
    "Delta",
    "NotCompared",
    "SplitMeans",
    "TaskDelta",
    "compare_results",
]

# Settings under which numbers are those of another question.
_SAME = (
    *("temperature", "top_p", "top_k", "min_p", "answer_rule", "protocol"),
    *("draws_per_reply", "limit"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A metric in both results; None where one of them has no value."""

    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """After minus before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDelta:
    """One task in both results, every metric by name."""

    name: str
    title: str
    family: str
    split: Literal["train", "held_out"]
    metrics: Mapping[str, Delta]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompared:
    """A task of one or both results, and why its values do not stand side by side."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMeans:
    """Mean over the compared tasks of one split: tasks to family to mean."""

    split: Literal["train", "held_out"]
    n_tasks: int
    metrics: Mapping[str, Delta]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two results side by side.

    Attributes:
        tasks: The tasks that both measured alike, in the order of the first.
        not_compared: The other tasks of either.
        means: One entry for each split that has compared tasks.
    """

    tasks: Sequence[TaskDelta]
    not_compared: Sequence[NotCompared]
    means: Sequence[SplitMeans]


def compare_results(before: RunResult, after: RunResult) -> Comparison:
    """Put two results side by side.

    Raises:
        ResultError: If they were made under different settings, or have tasks and share
            none.
    """
    _require_same_settings(before, after)
    there = {task.name: task for task in after.tasks}
    tasks: list[TaskDelta] = []
    not_compared: list[NotCompared] = []
    for task in before.tasks:
        other = there.pop(task.name, None)
        reason = "not in the second" if other is None else _difference(task, other)
        if other is not None and task.estimator == "sampled":
            reason = reason or _drawn_otherwise(before, after)
        if other is None or reason:
            not_compared.append(NotCompared(name=task.name, reason=reason or ""))
        else:
            tasks.append(_task_delta(task, other))
    not_compared += [NotCompared(name=name, reason="not in the first") for name in there]
    if not tasks and not_compared:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in not_compared[:3])
        raise ResultError(f"the two results have no task to compare ({reasons})")
    return Comparison(
        tasks=tasks, not_compared=not_compared, means=list(_split_means(tasks))
    )


def _require_same_settings(before: RunResult, after: RunResult) -> None:
    for name in _SAME:
        values = getattr(before.settings, name), getattr(after.settings, name)
        if values[0] != values[1]:
            raise ResultError(
                f"the two results were made under different settings: {name} is "
                f"{values[0]} in the first and {values[1]} in the second; run both alike"
            )


def _difference(task: TaskResult, other: TaskResult) -> str | None:
    """Return why a task's values in two results are not of the same thing."""
    for what, ours, theirs in (
        ("versions", task.version, other.version),
        ("estimators", task.estimator, other.estimator),
        ("targets", task.target.sha256, other.target.sha256),
        ("prompts", _prompts(task), _prompts(other)),
    ):
        if ours != theirs:
            shown = f" ({ours} and {theirs})" if what in ("versions", "estimators") else ""
            return f"other {what}{shown}"
    return None


def _drawn_otherwise(before: RunResult, after: RunResult) -> str | None:
    """Return how two results' replies differ; raw values depend on their number."""
    for name in ("samples", "max_new_tokens", "thinking"):
        values = getattr(before.settings, name), getattr(after.settings, name)
        if values[0] != values[1]:
            return f"other {name.replace('_', ' ')} ({values[0]} and {values[1]})"
    return None


def _prompts(task: TaskResult) -> list[str]:
    return [prompt.prompt_sha256 for prompt in task.prompts]


def _task_delta(before: TaskResult, after: TaskResult) -> TaskDelta:
    return TaskDelta(
        name=before.name,
        title=before.title,
        family=before.family,
        split=before.split,
        metrics={
            metric.name: _delta(before.metrics[metric.name], after.metrics[metric.name])
            for metric in METRICS
        },
    )


def _delta(before: MetricEntry, after: MetricEntry) -> Delta:
    return Delta(before=before.value, after=after.value)


def _split_means(tasks: Sequence[TaskDelta]) -> Iterator[SplitMeans]:
    splits: tuple[Literal["train", "held_out"], ...] = ("train", "held_out")
    for split in splits:
        chosen = [task for task in tasks if task.split == split]
        if chosen:
            yield SplitMeans(
                split=split,
                n_tasks=len(chosen),
                metrics={metric.name: _mean(chosen, metric.name) for metric in METRICS},
            )


def _mean(tasks: Sequence[TaskDelta], metric: str) -> Delta:
    families: dict[str, list[Delta]] = {}
    for task in tasks:
        families.setdefault(task.family, []).append(task.metrics[metric])
    return Delta(
        before=_mean_of([[one.before for one in each] for each in families.values()]),
        after=_mean_of([[one.after for one in each] for each in families.values()]),
    )


def _mean_of(families: Sequence[Sequence[float | None]]) -> float | None:
    """Average over families with equal weight; a missing value makes the mean missing."""
    means: list[float] = []
    for members in families:
        known = [value for value in members if value is not None]
        if len(known) < len(members):
            return None
        means.append(fmean(known))
    return fmean(means)
