"""Biography tasks of two results side by side; there is no verdict on them.

How diverse made-up people should be is not known, and what intervals of two runs say of
their difference has not been shown, so the values stand beside one another and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffbench.answers import VALUE_FIELDS
from diffbench.compare.deltas import NotCompared
from diffbench.results import DISTINCT_DRAWS, BiographyResult, MetricEntry, RunResult

__all__ = [
    "BIOGRAPHY_ROWS",
    "BiographyComparison",
    "BiographyDelta",
    "compare_biographies",
]

BIOGRAPHY_ROWS: tuple[tuple[str, str, int], ...] = (
    *(
        (
            f"{field}.distinct_{DISTINCT_DRAWS}",
            f"distinct in {DISTINCT_DRAWS}: {field.replace('_', ' ')}",
            1,
        )
        for field in VALUE_FIELDS
    ),
    ("well_formed", "well-formed replies", 3),
    ("achievement.unigram_diversity", "unigram diversity, achievement", 3),
    ("whole.unigram_diversity", "unigram diversity, whole", 3),
)
"""What is shown of a task: metric, title and decimals."""

# Settings under which replies are draws from another law.
_SAME = ("temperature", "top_p", "top_k", "min_p", "limit", "thinking")


@dataclass(frozen=True, slots=True, kw_only=True)
class BiographyDelta:
    """One task in both results, every metric by name: before and after."""

    name: str
    title: str
    metrics: Mapping[str, tuple[MetricEntry, MetricEntry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BiographyComparison:
    """The biography tasks of two results.

    Attributes:
        tasks: Those that both measured alike; numbers of replies may differ.
        not_compared: The others.
    """

    tasks: Sequence[BiographyDelta]
    not_compared: Sequence[NotCompared]


def compare_biographies(before: RunResult, after: RunResult) -> BiographyComparison:
    """Put the biography tasks of two results side by side."""
    there = {task.name: task for task in after.biographies}
    settings = _other_setting(before, after)
    tasks: list[BiographyDelta] = []
    left_out: list[NotCompared] = []
    for task in before.biographies:
        other = there.pop(task.name, None)
        reason = "not in the second"
        if other is not None:
            reason = settings or _difference(task, other) or ""
        if other is None or reason:
            left_out.append(NotCompared(name=task.name, reason=reason))
        else:
            tasks.append(_delta(task, other))
    left_out += [NotCompared(name=name, reason="not in the first") for name in there]
    return BiographyComparison(tasks=tasks, not_compared=left_out)


def _other_setting(before: RunResult, after: RunResult) -> str | None:
    for name in _SAME:
        values = getattr(before.settings, name), getattr(after.settings, name)
        if values[0] != values[1]:
            return f"other {name.replace('_', ' ')} ({values[0]} and {values[1]})"
    return None


def _difference(task: BiographyResult, other: BiographyResult) -> str | None:
    for what, ours, theirs in (
        ("versions", task.version, other.version),
        ("longest replies", task.max_new_tokens, other.max_new_tokens),
        ("prompts", _prompts(task), _prompts(other)),
        ("references", _references(task), _references(other)),
    ):
        if ours != theirs:
            return f"other {what}"
    return None


def _prompts(task: BiographyResult) -> list[str]:
    return [prompt.prompt_sha256 for prompt in task.prompts]


def _references(task: BiographyResult) -> dict[str, str]:
    return {field: one.target.sha256 for field, one in task.references.items()}


def _delta(before: BiographyResult, after: BiographyResult) -> BiographyDelta:
    return BiographyDelta(
        name=before.name,
        title=before.title,
        metrics={
            name: (entry, after.metrics[name])
            for name, entry in before.metrics.items()
            if name in after.metrics
        },
    )
