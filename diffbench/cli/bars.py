"""A small bar picture of one task in the terminal."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from diffbench.errors import printable
from diffbench.results import RunResult, TaskResult
from diffbench.results.distribution import mean_distribution

__all__ = ["print_task", "print_worst_task"]

_BARS = 8
_WIDTH = 30
_LABEL = 22


def print_worst_task(console: Console, result: RunResult) -> None:
    """Draw the task of lowest overlap: its favourites beside what was asked for."""
    scored = [task for task in result.tasks if task.metrics["overlap"].value is not None]
    if not scored:
        return
    worst = min(scored, key=lambda task: task.metrics["overlap"].value or 0.0)
    print_task(console, worst, "Farthest from its target:")


def print_task(console: Console, task: TaskResult, heading: str) -> None:
    """Draw one task's commonest outcomes beside what was asked for."""
    overlap = task.metrics["overlap"].value
    score = "" if overlap is None else f" (overlap {overlap:.3f})"
    title = f" {printable(task.title)}{score}"
    console.print(Text.assemble((f"\n{heading}", "bold"), title))
    rows = _rows(task)
    highest = max(max(q, p) for _, q, p in rows)
    for label, q, p in rows:
        _print_bar(console, label, q, p, highest)
    console.print("[dim]█ the model   │ the target   mean over the task's prompts[/]")


def _rows(task: TaskResult) -> list[tuple[str, float, float]]:
    q = mean_distribution(task)
    p = np.asarray(task.target.probabilities) * task.target.listed_mass
    order = np.argsort(-q, kind="stable")
    n_shown = _BARS if len(order) > _BARS + 2 else len(order)
    shown, rest = order[:n_shown], order[n_shown:]
    rows = [(task.target.outcomes[i], float(q[i]), float(p[i])) for i in shown]
    if len(rest):
        rows.append((f"{len(rest)} others", float(q[rest].sum()), float(p[rest].sum())))
    if task.target.listed_mass < 1:
        tail = 1.0 - task.target.listed_mass
        rows.append(("not listed, or invalid", max(0.0, 1.0 - float(q.sum())), tail))
    else:
        rows.append(("invalid", max(0.0, 1.0 - float(q.sum())), 0.0))
    return rows


def _print_bar(console: Console, label: str, q: float, p: float, highest: float) -> None:
    n_filled = round(_WIDTH * q / highest)
    mark = round((_WIDTH - 1) * p / highest)
    cells = ["█" if i < n_filled else " " for i in range(_WIDTH)]
    line = Text.assemble(
        f"  {_fit(label)} ",
        "".join(cells[:mark]),
        ("│", "bold yellow"),
        "".join(cells[mark + 1 :]),
        f" {q:6.1%}  asked {p:6.1%}",
    )
    console.print(line, no_wrap=True, overflow="crop")


def _fit(label: str) -> str:
    """Cut or fill a label to its column, counted in cells: some letters take two."""
    shown = printable(label, 2 * _LABEL)
    if cell_len(shown) > _LABEL:
        shown = set_cell_size(shown, _LABEL - 1).rstrip() + "…"
    return set_cell_size(shown, _LABEL)
