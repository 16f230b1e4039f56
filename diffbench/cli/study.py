"""The table of a generalisation study."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffbench.cli.output import console, echo_json, safe
from diffbench.cli.tune_progress import TuningProgress
from diffbench.errors import printable
from diffbench.tuning.options import TuneOptions

if TYPE_CHECKING:
    from diffbench.tuning.study import Study

__all__ = ["print_study", "run_study"]

_INTERRUPTED = 130
_HEADINGS = {"train": "trained prompts", "held_out": "held-out ones"}
_STATES = (("untuned", "base"), ("left_out", "out"), ("trained", "in"))
_METRICS = {
    "overlap": "overlap",
    "entropy_ratio": "entropy\nratio",
    "coverage_100": "cover-\nage 100",
}
_NAME_WIDTH = 16
_WIDTHS = (7, 5, 5)


def run_study(study_name: Any, values: dict[str, Any], *, as_json: bool) -> None:
    """Run a study and print its table."""
    # Every training of a study is measured, and goes on where it was stopped.
    if values["tasks"] or not values["evaluate"]:
        wrong = "--tasks" if values["tasks"] else "--no-evaluate"
        raise click.UsageError(f"{wrong} is not for a study; its recipes say that")
    given = {key: value for key, value in values.items() if key != "evaluate"}
    options = TuneOptions(recipe="all", **given)
    from diffbench.api import study

    with TuningProgress() as progress:
        try:
            found = study(study_name, options, progress)
        except KeyboardInterrupt:
            click.echo("Stopped. Give the same command again to go on.", err=True)
            raise click.exceptions.Exit(_INTERRUPTED) from None
    if as_json:
        rows = [asdict(row) for row in found.rows]
        echo_json({"output": str(found.output), "study": found.name, "rows": rows})
    else:
        print_study(console(), found)


def print_study(out: Console, study: Study) -> None:
    """Print each family (or task) untuned, left out and trained."""
    out.print(
        f"\n[bold]{study.name}[/]: untuned (base), mean of the trainings that left it out, "
        "and of those that had it in\n"
    )
    for split, heading in _HEADINGS.items():
        rows = [row for row in study.rows if row.split == split]
        if not rows:
            continue
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column(f"\n\n{heading}", width=_NAME_WIDTH, overflow="ellipsis")
        for label in _METRICS.values():
            first, _, second = label.partition("\n")
            for i, (_, state) in enumerate(_STATES):
                head = f"{first}\n{second}\n{state}" if i == 0 else f"\n\n{state}"
                table.add_column(head, justify="right", no_wrap=True, width=_WIDTHS[i])
        for row in rows:
            cells = [
                _number(row.values[metric][state])  # type: ignore[index]
                for metric in _METRICS
                for state, _ in _STATES
            ]
            name = row.unit.removeprefix("diffbench_").removeprefix("instructed_")
            name = name.replace("_", " ")
            table.add_row(Text(printable(name)), *cells)
        out.print(table)
        out.print("")
    shown = safe(study.output)
    out.print(f"Table: [bold]{shown}/study.csv[/]; everything: {shown}/study.json")


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"
