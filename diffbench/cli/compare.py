"""`diffbench compare`: two results side by side, and what the difference comes to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diffbench.cli.output import console, echo_json, json_option, safe
from diffbench.errors import ResultError

if TYPE_CHECKING:
    from diffbench.compare import Comparison
    from diffbench.results import RunResult

__all__ = ["compare"]


@click.command(short_help="Put two results side by side.")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--margin",
    type=float,
    default=0.02,
    show_default=True,
    help="Difference of values from replies that does not matter.",
)
@click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    help="Chance of any false `worse` or `improved` among values from replies.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a Markdown table.")
@json_option
def compare(
    before: Path,
    after: Path,
    *,
    margin: float,
    alpha: float,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Print what changed from BEFORE to AFTER, and a verdict for each task.

    Each is a results.json or the folder that holds it. A verdict is improved, worse,
    equivalent, unresolved (with the loss that would have been seen, and the replies that
    would settle it) or not comparable. Exact values may move by what their arithmetic
    does; values from replies are compared free of the bias of counting, whatever their
    numbers of replies. Biographies stand side by side, without a verdict.
    """
    from diffbench.cli.biography_deltas import biographies_json, print_biography_deltas
    from diffbench.cli.verdicts import markdown_verdicts, print_verdicts
    from diffbench.compare import (
        compare_biographies,
        compare_measurements,
        measurement_of,
    )
    from diffbench.results import load_results

    first, second = load_results(before), load_results(after)
    verdicts = compare_measurements(
        measurement_of(first), measurement_of(second), alpha=alpha, margin=margin
    )
    deltas = _deltas(first, second)
    open_ended = compare_biographies(first, second)
    closed = bool(first.tasks or second.tasks)
    if as_json:
        plain: dict[str, Any] = {} if deltas is None else asdict(deltas)
        names = {"before": first.model.id, "after": second.model.id}
        echo_json(
            {
                **names,
                **plain,
                "verdicts": asdict(verdicts),
                "biographies": biographies_json(open_ended),
            }
        )
    elif as_markdown:
        click.echo(markdown_verdicts(first.model.id, second.model.id, verdicts))
    else:
        out = console()
        out.print(f"\n[bold]{safe(first.model.id)}[/] → [bold]{safe(second.model.id)}[/]\n")
        if deltas is not None and deltas.tasks:
            from diffbench.cli.deltas import print_comparison

            print_comparison(out, deltas)
        if closed:
            print_verdicts(out, verdicts)
        print_biography_deltas(out, open_ended)


def _deltas(first: RunResult, second: RunResult) -> Comparison | None:
    """Return the plain changes of all metrics, where the two were measured alike."""
    from diffbench.compare import compare_results

    try:
        return compare_results(first, second)
    except ResultError:
        # The verdicts say why, task by task.
        return None
