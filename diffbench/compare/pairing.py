"""Which tasks of two measurements stand side by side, and why others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffbench.compare.measurement import MeasuredPrompt, MeasuredTask, Measurement

__all__ = ["Pair", "common_name", "pair_tasks"]

_SAME = (
    *("temperature", "top_p", "top_k", "min_p", "answer_rule", "protocol"),
    *("draws_per_reply", "thinking"),
)
_SUFFIX = "_sampled"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A task of either measurement, or of both.

    Attributes:
        before: The task in the first; None if it is not there.
        after: The task in the second; None if it is not there.
        reason: Why the two do not stand side by side; None if they do.
    """

    before: MeasuredTask | None
    after: MeasuredTask | None
    reason: str | None

    @property
    def task(self) -> MeasuredTask:
        """The task as the second has it, else as the first has it."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a pair needs at least one task")
        return found


def common_name(name: str) -> str:
    """Return the name that a task's exact and sampled versions share."""
    return name.removesuffix(_SUFFIX)


def pair_tasks(before: Measurement, after: Measurement) -> list[Pair]:
    """Pair by name, then exact values with sampled ones; the first one's order.

    Returns:
        Every task of either measurement, once.
    """
    settings = _other_settings(before, after)
    twice = _twice(before) | _twice(after)
    left = {task.name: task for task in after.tasks}
    pairs: list[Pair] = []
    for task in before.tasks:
        other = left.pop(task.name, None) or _as_other_mode(task, left)
        reason: str | None
        if task.name in twice:
            reason = "two tasks of this name"
        elif other is None:
            reason = "not in the second"
        else:
            reason = settings or _difference(task, other)
            reason = reason or _replies(before, after, task, other)
        pairs.append(Pair(before=task, after=other, reason=reason))
    pairs += [
        Pair(before=None, after=task, reason="not in the first") for task in left.values()
    ]
    return pairs


def _twice(measurement: Measurement) -> set[str]:
    names = Counter(task.name for task in measurement.tasks)
    return {name for name, times in names.items() if times > 1}


def _as_other_mode(
    task: MeasuredTask, left: dict[str, MeasuredTask]
) -> MeasuredTask | None:
    for name, other in left.items():
        if common_name(name) == common_name(task.name) and other.sampled != task.sampled:
            return left.pop(name)
    return None


def _other_settings(before: Measurement, after: Measurement) -> str | None:
    return _first_difference(before, after, _SAME)


def _first_difference(
    before: Measurement, after: Measurement, names: Sequence[str]
) -> str | None:
    for name in names:
        ours, theirs = getattr(before.settings, name), getattr(after.settings, name)
        if ours != theirs:
            return f"other {name.replace('_', ' ')} ({ours} and {theirs})"
    return None


def _difference(task: MeasuredTask, other: MeasuredTask) -> str | None:
    """Return why the numbers of a task are not of the same thing."""
    for what, ours, theirs, shown in _identities(task, other):
        if ours != theirs:
            return f"other {what}" + (f" ({ours} and {theirs})" if shown else "")
    if task.estimator != other.estimator and task.sampled == other.sampled:
        return f"other estimators ({task.estimator} and {other.estimator})"
    sizes = {_size(prompt) for side in (task, other) for prompt in side.prompts}
    return None if len(sizes) == 1 else "other numbers of outcomes"


def _identities(
    task: MeasuredTask, other: MeasuredTask
) -> Iterator[tuple[str, object, object, bool]]:
    yield "versions", task.version, other.version, True
    yield "targets", task.target_sha256, other.target_sha256, False
    yield "numbers of prompts", len(task.prompts), len(other.prompts), True
    yield "prompts", _texts(task), _texts(other), False


def _texts(task: MeasuredTask) -> list[tuple[str, str]]:
    return [(prompt.id, prompt.sha256) for prompt in task.prompts]


def _size(prompt: MeasuredPrompt) -> int:
    row = prompt.counts if prompt.probabilities is None else prompt.probabilities
    return -1 if row is None else len(row)


def _replies(
    before: Measurement, after: Measurement, task: MeasuredTask, other: MeasuredTask
) -> str | None:
    for measurement, measured in ((before, task), (after, other)):
        if measured.sampled and not measurement.independent:
            return "replies that are not known to be independent draws"
        if measured.sampled and measurement.settings.protocol == "list":
            return "several draws in a reply, which are not independent of one another"
        if measured.sampled and measured.n == 0:
            return "a prompt without replies"
    if task.sampled and other.sampled:
        return _first_difference(before, after, ("max_new_tokens",))
    return None
