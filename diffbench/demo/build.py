"""Build the demo model and say how it turned out."""

from __future__ import annotations

import time
from pathlib import Path

import click

from diffbench.demo.recipe import read_recipe
from diffbench.demo.train import build_demo_model
from diffbench.models import demo_model_dir
from diffbench.suite import shipped_catalog

__all__ = ["main"]

_REPORT_EVERY = 100


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=demo_model_dir(),
    help="Folder for the model.  [default: the package's own]",
)
def main(output: Path) -> None:
    """Train the demo model by the shipped recipe; about an hour on one core."""
    recipe = read_recipe()
    start = time.monotonic()
    recent: list[float] = []

    def report(step: int, loss: float) -> None:
        recent.append(loss)
        if step % _REPORT_EVERY == 0:
            mean = sum(recent) / len(recent)
            recent.clear()
            seconds = time.monotonic() - start
            click.echo(
                f"step {step} of {recipe.training.steps}  loss {mean:.3f} nats  "
                f"{seconds:.0f} s",
                err=True,
            )

    build_demo_model(shipped_catalog(), recipe, output, report)
    click.echo(f"Written to {output}", err=True)
