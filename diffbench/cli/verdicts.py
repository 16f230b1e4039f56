"""Verdicts in the terminal and in Markdown: a row a task."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffbench.compare import MetricVerdict, Verdicts
from diffbench.compare.describe import (
    WORDS,
    change_text,
    describe,
    value_text,
    what_settles,
)
from diffbench.errors import printable
from diffbench.gate.text import markdown_cell

__all__ = ["markdown_verdicts", "print_verdicts"]

_STYLES = {
    "improved": "green",
    "worse": "red",
    "unresolved": "yellow",
    "not_comparable": "yellow",
}
_MOST_NAME = 28


def print_verdicts(console: Console, verdicts: Verdicts) -> None:
    """Print a row for each task, what would settle open ones, and the whole."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("task", no_wrap=True, overflow="ellipsis", max_width=_MOST_NAME)
    table.add_column("overlap", justify="right", no_wrap=True)
    table.add_column("change [95 %]", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for one in verdicts.tasks:
        values = f"{value_text(one.before)} → {value_text(one.after)}"
        word = Text(WORDS[one.verdict], style=_STYLES.get(one.verdict, ""))
        table.add_row(Text(printable(one.title)), values, change_text(one), word)
    console.print(table)
    for one in verdicts.tasks:
        if one.verdict in ("unresolved", "not_comparable"):
            open_ = one.verdict == "unresolved"
            why = what_settles(one) if open_ else f"not compared, {describe(one)}"
            console.print(Text(f"{printable(one.title, 60)}: {why}", style="yellow"))
    console.print(Text(_overall(verdicts), style="bold"))


def markdown_verdicts(before: str, after: str, verdicts: Verdicts) -> str:
    """Return a Markdown table of the verdicts."""
    lines = [
        f"{markdown_cell(before)} → {markdown_cell(after)}: {_overall(verdicts)}",
        "",
        "| task | overlap before | after | change (95 %) | verdict | |",
        "|---|---:|---:|---:|---|---|",
        *(_row(one) for one in verdicts.tasks),
    ]
    return "\n".join(lines)


def _row(one: MetricVerdict) -> str:
    cells = (
        printable(one.title),
        value_text(one.before),
        value_text(one.after),
        change_text(one),
        WORDS[one.verdict],
        describe(one),
    )
    return f"| {' | '.join(map(markdown_cell, cells))} |"


def _overall(verdicts: Verdicts) -> str:
    counts = [
        f"{sum(one.verdict == word for one in verdicts.tasks)} {shown}"
        for word, shown in WORDS.items()
        if any(one.verdict == word for one in verdicts.tasks)
    ]
    return f"Overall {WORDS[verdicts.overall]}: {', '.join(counts)}."
