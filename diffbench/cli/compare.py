"""`diffbench compare`: two results side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from diffbench.cli.output import console, echo_json, json_option, safe

__all__ = ["compare"]


@click.command(short_help="Put two results side by side.")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@json_option
def compare(before: Path, after: Path, *, as_json: bool) -> None:
    """Print what changed from BEFORE to AFTER, task by task.

    Each is a results.json or the folder that holds it. Tasks that the two did not measure
    alike are named and left out.
    """
    from diffbench.cli.deltas import print_comparison
    from diffbench.compare import compare_results
    from diffbench.results import load_results

    first, second = load_results(before), load_results(after)
    found = compare_results(first, second)
    if as_json:
        echo_json({"before": first.model.id, "after": second.model.id, **asdict(found)})
        return
    out = console()
    out.print(f"\n[bold]{safe(first.model.id)}[/] → [bold]{safe(second.model.id)}[/]\n")
    print_comparison(out, found)
