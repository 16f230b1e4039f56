"""`diffbench demo`: the whole story on the embedded model, offline."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import click

from diffbench.cli.output import console
from diffbench.cli.tune_progress import TuningProgress
from diffbench.options import RunOptions
from diffbench.tuning.options import BASE_FOLDER, TuneOptions

__all__ = ["demo"]

_INTERRUPTED = 130
_RECIPE = "demo"


@click.command(short_help="Measure the demo model, tune it, measure it again.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for adapter and results.  [default: a new one below runs/]",
)
def demo(output: Path | None) -> None:
    """Measure the embedded demo model, tune it, measure it again: about two minutes.

    Nothing is downloaded. The demo model is synthetic: made to be collapsed.
    """
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    folder = output or Path("runs") / f"demo-{stamp}"
    with TuningProgress() as progress:
        try:
            _tell(folder, progress)
        except KeyboardInterrupt:
            click.echo(f"Stopped. To go on: diffbench demo --output {folder}", err=True)
            raise click.exceptions.Exit(_INTERRUPTED) from None


def _tell(folder: Path, progress: TuningProgress) -> None:
    from diffbench.api import prepare, prepare_tuning
    from diffbench.cli.bars import print_task
    from diffbench.cli.tables import print_results
    from diffbench.cli.tune import print_tuned
    from diffbench.tuning.recipe import read_recipe

    out = console()
    tasks = tuple(read_recipe(_RECIPE).evaluate)
    base, _ = prepare(
        RunOptions(
            model="demo",
            tasks=tasks,
            estimator="exact",
            output=folder / BASE_FOLDER,
            resume=True,
        )
    ).start(progress)
    out.print("\n[bold]The demo model as it comes[/] (synthetic: made to be collapsed)\n")
    print_results(out, base)
    print_task(out, base.tasks[0], "Asked to draw, it says:")
    out.print("")
    tuned = prepare_tuning(
        TuneOptions(model="demo", recipe=_RECIPE, output=folder, resume=True)
    ).start(progress)
    print_tuned(out, tuned)
    if tuned.evaluated is not None:
        print_task(out, tuned.evaluated.tuned.tasks[0], "Asked to draw, it now says:")
