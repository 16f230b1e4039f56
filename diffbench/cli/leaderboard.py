"""`diffbench leaderboard build` and `diffbench leaderboard validate`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diffbench.cli.output import echo_json, json_option
from diffbench.errors import ResultError, printable

if TYPE_CHECKING:
    from diffbench.site import Refused

__all__ = ["leaderboard"]

_LEFT_OUT = 3
_REASON = 600


@click.group(short_help="Build the static site, or check results files for it.")
def leaderboard() -> None:
    """Build the leaderboard's site from results files, or check files for it."""


@leaderboard.command(short_help="Build the static site.")
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the site; an earlier site there is replaced.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one a core]")
@json_option
def build(
    results: tuple[Path, ...], output: Path, *, jobs: int | None, as_json: bool
) -> None:
    """Build a static site from RESULTS: results files, or folders that hold them.

    Without RESULTS, the published ones in leaderboard/results of the checkout; files may
    be under gzip. A tuned result stands beneath its base; `tune.json` beside it or one
    folder above tells its recipe and retention, and a study's folder its matrix. A broken
    file is named and left out, and the exit code is then 3. Open SITE/index.html in a
    browser; no server is needed.
    """
    from diffbench.site import build_site

    report = build_site(_places(results), output, jobs=jobs)
    if as_json:
        echo_json(
            {
                "site": str(report.output),
                "runs": report.n_runs,
                "files": report.n_files,
                "left_out": _plain(report.refused),
                "duplicates": list(report.duplicates),
            }
        )
    else:
        click.echo(
            f"{printable(report.output)}: {report.n_files} files from {report.n_runs} "
            f"{'run' if report.n_runs == 1 else 'runs'}. Open "
            f"{printable(report.output / 'index.html')} in a browser."
        )
        for name in report.duplicates:
            click.echo(f"{printable(name)}: the same run as another file; shown once")
    _name(report.refused)


@leaderboard.command(short_help="Check results files for a submission.")
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@json_option
def validate(results: tuple[Path, ...], *, as_json: bool) -> None:
    """Check that each results file in RESULTS is sound and computes again.

    Exit code 3 if any is not; each is named with the reason.
    """
    from diffbench.site import read_inputs
    from diffbench.site.work import collector_resting

    with collector_resting():
        inputs = read_inputs(_places(results), jobs=os.cpu_count() or 1)
    if as_json:
        echo_json(
            {
                "sound": len(inputs.submissions),
                "left_out": _plain(inputs.refused),
                "duplicates": list(inputs.duplicates),
            }
        )
    else:
        for name in inputs.duplicates:
            click.echo(f"{printable(name)}: the same run as another file")
        n = len(inputs.submissions)
        click.echo(f"{n} sound results {'file' if n == 1 else 'files'}.")
    _name(inputs.refused)


def _places(results: tuple[Path, ...]) -> list[Path]:
    if results:
        return list(results)
    from diffbench.assets import asset_dir

    published = asset_dir("leaderboard") / "results"
    if not published.is_dir():
        raise ResultError(
            "no published results are at hand; name results files or folders that hold them"
        )
    return [published]


def _plain(refused: Sequence[Refused]) -> list[dict[str, str]]:
    return [{"path": str(one.path), "reason": one.reason} for one in refused]


def _name(refused: Sequence[Refused]) -> None:
    """Name each file that was left out; they make the exit code."""
    for one in refused:
        path, reason = printable(one.path, 400), printable(one.reason, _REASON)
        click.echo(f"Error: {path}: left out: {reason}", err=True)
    if refused:
        raise click.exceptions.Exit(_LEFT_OUT)
