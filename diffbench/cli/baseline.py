"""`diffbench baseline`: write what later results are checked against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from diffbench.errors import printable

if TYPE_CHECKING:
    from diffbench.results import RunResult

__all__ = ["baseline"]

_FILE = click.Path(path_type=Path)


@click.group(short_help="Write what later results are checked against.")
def baseline() -> None:
    """Write and show the baseline of `diffbench check`."""


@baseline.command()
@click.argument("result", type=_FILE)
@click.option("--baseline", "path", type=_FILE, required=True, help="The file to write.")
@click.option("--reason", required=True, help="Why later results are compared with it.")
@click.option(
    "--calibrate",
    is_flag=True,
    help="Measure the exact tasks again in two other batch sizes, and let exact values "
    "move three times as far as that moved them.",
)
@click.option("--model", help="The model to calibrate; by default that of RESULT.")
@click.option("--adapter", type=_FILE, help="Its adapter.")
def update(
    result: Path,
    path: Path,
    reason: str,
    *,
    calibrate: bool,
    model: str | None,
    adapter: Path | None,
) -> None:
    """Make RESULT, a results.json or its folder, the baseline, and say what changes.

    The file holds counts or probabilities of each prompt, no reply; commit it. It is never
    written in CI.
    """
    from diffbench.gate import baseline_of, write_baseline

    loaded = _sound(result)
    if calibrate:
        from diffbench.api import noise_floor

        floor = noise_floor(loaded, model=model, adapter=adapter)
    else:
        floor = {}
    new = baseline_of(loaded, reason, floor)
    _show_change(loaded, path)
    write_baseline(path, new)
    click.echo(f"Wrote {printable(path)} ({path.stat().st_size:,} bytes); commit it.")
    if floor:
        click.echo(f"Noise floor of the overlap: {floor['overlap']:.2g}")


def _show_change(result: RunResult, path: Path) -> None:
    """Say what moves where a baseline is replaced."""
    if not path.exists():
        return
    from diffbench.errors import BaselineError
    from diffbench.gate import CheckConfig, check_files, load_baseline, text_report

    try:
        old = load_baseline(path)
    except BaselineError as error:
        click.echo(f"The file that is replaced could not be read: {printable(error, 400)}")
        return
    click.echo("Against the baseline that is replaced:")
    click.echo(text_report(check_files(result, old, CheckConfig())))


def _sound(path: Path) -> RunResult:
    from diffbench.errors import ResultError
    from diffbench.results import load_results, verify_result

    loaded = load_results(path)
    problems = verify_result(loaded)
    if problems:
        raise ResultError(
            f"{path}: {problems[0]}; a baseline is made from a result that diffbench "
            "verify passes"
        )
    return loaded
