"""Two results side by side in the terminal: a row a task, before → after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffbench.compare import Comparison, Delta, TaskDelta
from diffbench.errors import printable

__all__ = ["print_comparison"]

# Metric, header and width: with a name they fit 80 characters.
_COLUMNS = (
    ("overlap", "overlap\n0…1 ↑", 13),
    ("change", "change\n", 6),
    ("overlap_valid", "of valid\n0…1 ↑", 13),
    ("valid_mass", "valid mass\n0…1 ↑", 13),
    ("entropy_ratio", "entropy\nratio → 1", 9),
)
_NAME_WIDTH = 21
_MOST_NAME = 40
_SPLITS = {"train": "trained wordings", "held_out": "held-out wordings and ranges"}


def print_comparison(
    console: Console, comparison: Comparison, splits: Mapping[str, str] | None = None
) -> None:
    """Print the compared tasks by split and family, with their means.

    Args:
        console: Where to.
        comparison: What to print.
        splits: Headings of the splits; by default whether prompts are held out.
    """
    table = _table(console.width)
    headings = splits or _SPLITS
    for means in comparison.means:
        members = [task for task in comparison.tasks if task.split == means.split]
        table.add_row(Text(headings[means.split], style="bold"))
        for family, tasks in groupby(members, key=lambda task: task.family):
            _add_family(table, family, list(tasks))
        name = f"mean of {len({task.family for task in members})} families"
        table.add_row(name, *_cells(means.metrics), style="bold")
        table.add_row("")
    console.print(table)
    for one in comparison.not_compared:
        console.print(
            Text(f"Not compared: {printable(one.name)}, {one.reason}", style="yellow")
        )


def _table(width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    numeric = sum(columns + 1 for _, _, columns in _COLUMNS)
    name = min(max(_NAME_WIDTH, width - numeric - 1), _MOST_NAME)
    table.add_column("\ntask", overflow="ellipsis", no_wrap=True, width=name)
    for _, header, columns in _COLUMNS:
        table.add_column(header, justify="right", no_wrap=True, width=columns)
    return table


def _add_family(table: Table, family: str, tasks: Sequence[TaskDelta]) -> None:
    table.add_row(Text(f" {printable(family.replace('_', ' '))}", style="dim"))
    for task in tasks:
        table.add_row(Text(f"  {printable(task.title)}"), *_cells(task.metrics))


def _cells(metrics: Mapping[str, Delta]) -> list[str | Text]:
    return [
        _change(metrics["overlap"]) if name == "change" else _pair(name, metrics[name])
        for name, _, _ in _COLUMNS
    ]


def _pair(name: str, delta: Delta) -> str:
    if name == "entropy_ratio":
        return f"{_number(delta.before, 2)}→{_number(delta.after, 2)}"
    return f"{_number(delta.before, 3)} → {_number(delta.after, 3)}"


def _change(delta: Delta) -> Text:
    change = delta.change
    if change is None:
        return Text("—")
    style = "green" if change > 0.0005 else "red" if change < -0.0005 else ""
    return Text(f"{change:+.3f}", style=style)


def _number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:.{digits}f}"
