"""`diffbench export`: a result in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from diffbench.errors import printable

if TYPE_CHECKING:
    from diffbench.export import Relationship

__all__ = ["export"]

_FORMATS = ("csv", "every-eval-ever", "hf-eval-results", "model-index")
_RELATIONS = ("first_party", "third_party", "collaborative", "other")


@click.command(short_help="Write a result in another tool's format.")
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(_FORMATS), required=True)
@click.option(
    "--output", type=click.Path(path_type=Path), help="A file; by default the terminal."
)
@click.option("--organization", default="unknown", help="Who measured.")
@click.option(
    "--relationship",
    type=click.Choice(_RELATIONS),
    default="other",
    help="Who that is to the model's makers.",
)
@click.option("--dataset-id", help="Hub dataset that stands for the benchmark.")
@click.option("--url", help="Where the result can be read (https).")
def export(
    result: Path,
    form: str,
    output: Path | None,
    relationship: Relationship,
    **named: str,
) -> None:
    """Write RESULT, a results.json or its folder, in another tool's format.

    csv: every metric, a row each. every-eval-ever: a record of EvalEval's shared schema.
    hf-eval-results: .eval_results/*.yaml of a hub model. model-index: the older metadata
    of a model card.
    """
    from diffbench.export import Source, export_result
    from diffbench.results import load_results, write_atomic

    source = Source(relationship=relationship, **named)
    text = export_result(load_results(result), form, source)
    if output is None:
        click.echo(text, nl=False)
        return
    write_atomic(output, text.encode())
    click.echo(f"Wrote {printable(output)}")
