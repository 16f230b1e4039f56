"""The `diffbench` command."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from diffbench.cli.baseline import baseline
from diffbench.cli.check import check
from diffbench.cli.compare import compare
from diffbench.cli.demo import demo
from diffbench.cli.export import export
from diffbench.cli.leaderboard import leaderboard
from diffbench.cli.models import models
from diffbench.cli.run import run
from diffbench.cli.tasks import tasks
from diffbench.cli.tune import tune
from diffbench.cli.verify import verify
from diffbench.errors import DiffBenchError, printable
from diffbench.processes import is_first
from diffbench.version import __version__

__all__ = ["main"]

_LONGEST_MESSAGE = 2000
_SECONDS_TO_SPEAK = 5.0


class _Commands(click.Group):
    """Turns a user's mistake into one sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        if not is_first():
            # One of several processes speaks for all; errors reach it.
            sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")
        try:
            return super().invoke(ctx)
        except DiffBenchError as error:
            click.echo(f"Error: {printable(error, _LONGEST_MESSAGE)}", err=True)
            if not is_first():
                # A launcher ends all processes with the first that fails, and the one
                # that speaks must have spoken.
                time.sleep(_SECONDS_TO_SPEAK)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="diffbench")
def main() -> None:
    """Does a language model draw from the distribution it was asked for?

    Start with `diffbench demo`: the whole story, offline, in about two minutes.
    """


main.add_command(demo)
main.add_command(run)
main.add_command(tune)
main.add_command(compare)
main.add_command(check)
main.add_command(baseline)
main.add_command(export)
main.add_command(leaderboard)
main.add_command(tasks)
main.add_command(models)
main.add_command(verify)
