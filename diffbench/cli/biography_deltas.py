"""Biography tasks of two results in the terminal: a row a value, before → after."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffbench.compare import BIOGRAPHY_ROWS, BiographyComparison, BiographyDelta
from diffbench.errors import printable
from diffbench.results import MetricEntry

__all__ = ["biographies_json", "print_biography_deltas"]


def print_biography_deltas(console: Console, found: BiographyComparison) -> None:
    """Print what both have of each value; nothing where neither has biographies."""
    for task in found.tasks:
        console.print()
        console.print(
            Text(f"{printable(task.title)} ({printable(task.name)})", style="bold")
        )
        console.print(_table(task))
    if found.tasks:
        console.print(
            "[dim]Values with their 95 % intervals. There is no verdict: how diverse "
            "people should be is not known.[/]"
        )
    for one in found.not_compared:
        console.print(
            Text(f"Not compared: {printable(one.name)}, {one.reason}", style="yellow")
        )


def biographies_json(found: BiographyComparison) -> dict[str, Any]:
    """Return both values of each metric, for a machine to read."""
    return {
        "tasks": [
            {
                "name": task.name,
                "metrics": {
                    name: [entry.model_dump(mode="json") for entry in pair]
                    for name, pair in task.metrics.items()
                },
            }
            for task in found.tasks
        ],
        "not_compared": [asdict(one) for one in found.not_compared],
    }


def _table(task: BiographyDelta) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for header in ("before", "after", "after / before"):
        table.add_column(header, justify="right", no_wrap=True)
    for name, title, digits in BIOGRAPHY_ROWS:
        before, after = task.metrics[name]
        cells = (_shown(before, digits), _shown(after, digits), _ratio(before, after))
        table.add_row(f" {title}", *cells)
    return table


def _shown(entry: MetricEntry, digits: int) -> str:
    if entry.value is None:
        return "—"
    interval = entry.interval
    if interval is None:
        return f"{entry.value:.{digits}f}"
    ends = f"{interval.lo:.{digits}f}–{interval.hi:.{digits}f}"
    return f"{entry.value:.{digits}f} ({ends})"


def _ratio(before: MetricEntry, after: MetricEntry) -> str:
    if not before.value or after.value is None:
        return "—"
    return f"×{after.value / before.value:.2f}"
