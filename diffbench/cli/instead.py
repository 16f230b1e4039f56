"""What an expanded model says instead of a valid answer, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from rich.console import Console
from rich.text import Text

from diffbench.errors import printable
from diffbench.results import RunResult, TaskResult

__all__ = ["bound_note", "print_instead"]

_TASKS = 3
_REPLIES = 3
_WIDTH = 56
_LEAST = 1e-3


def print_instead(console: Console, result: RunResult) -> None:
    """Print the commonest invalid replies of the tasks that have most of them.

    Prints nothing where no reply of the expanded tasks reaches a tenth of a per cent.
    """
    lines = [
        (task, replies)
        for task in sorted(result.tasks, key=_valid_mass)[:_TASKS]
        if (replies := list(_commonest(task)))
    ]
    if not lines:
        return
    console.print("\n[bold]Instead of a valid answer[/]")
    for task, replies in lines:
        console.print(Text(f"  {printable(task.title)}"))
        for said, probability in replies:
            console.print(
                Text(f"    {probability:6.1%}  {said}"), no_wrap=True, overflow="ellipsis"
            )
    console.print(
        "[dim]… goes on in several ways; at least so often, mean over the task's prompts[/]"
    )


def _valid_mass(task: TaskResult) -> float:
    return task.metrics["valid_mass"].value or 0.0


def _commonest(task: TaskResult) -> Iterator[tuple[str, float]]:
    """Yield replies and their probabilities, mean over prompts, most probable first."""
    explored = [p.exploration for p in task.prompts if p.exploration is not None]
    by_reply: dict[tuple[str, bool], list[float]] = {}
    for exploration in explored:
        for reply in exploration.invalid_replies:
            key = reply.reply, reply.is_open
            by_reply.setdefault(key, []).append(reply.probability)
    means = {key: sum(found) / len(explored) for key, found in by_reply.items()}
    for key in sorted(means, key=lambda key: (-means[key], key))[:_REPLIES]:
        if means[key] >= _LEAST:
            yield _shown(*key), means[key]


def _shown(reply: str, is_open: bool) -> str:
    if not reply:
        return "(an empty reply)"
    said = printable(reply, _WIDTH)
    return f"{said} …" if is_open else said


def bound_note(result: RunResult) -> str | None:
    """Say how far the bounds of the expanded tasks reach; None if there are none."""
    widths = [
        entry.interval.hi - entry.interval.lo
        for task in result.tasks
        for prompt in task.prompts
        if (entry := prompt.metrics["overlap"]).interval is not None
        and task.estimator == "expanded"
    ]
    if not widths:
        return None
    return (
        "Expanded values are certified: a prompt's overlap is at least the value, and at "
        f"most {max(widths):.4f} above it (mean {fmean(widths):.4f})."
    )
