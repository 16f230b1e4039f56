"""`diffbench check`: stop when a model's distributions got worse, and only then."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diffbench.accident import internal_error
from diffbench.errors import DiffBenchError, SettingsError

if TYPE_CHECKING:
    from diffbench.gate import CheckConfig, CheckReport

__all__ = ["check"]

_INTERRUPTED = 130
_OUTPUTS = ("json_path", "junit_path", "markdown_path")
_FILE = click.Path(path_type=Path)


class _Gate(click.Command):
    """Ends with a verdict's exit code, or with one that is no verdict's."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
            return found
        except (click.exceptions.Exit, click.ClickException):
            raise
        except DiffBenchError as error:
            from diffbench.gate.log import log_line

            click.echo(f"Error: {log_line(error)}", err=True)
            ctx.exit(2)
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError as error:
            # Python would flush once more at its end, and change the exit code.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(internal_error(error))
        except Exception as error:
            ctx.exit(internal_error(error, debug=bool(ctx.params.get("debug"))))


_HELP = """Check RESULT, a results.json or its folder, against a baseline.

\b
Exit code
  0   pass: nothing that blocks got worse
  1   regression
  2   usage: an option, the configuration or an output's place is wrong
  3   cannot judge: a file, a task, a prompt or a value is missing or cannot be
      trusted, or nothing was compared
  4   unresolved, and --strict
  70  internal error: no verdict

A regression that was seen stands, whatever else could not be judged.
"""


@click.command(
    cls=_Gate, help=_HELP, short_help="Stop when a result is worse than its baseline."
)
@click.argument("result", type=_FILE, required=False)
@click.option("--baseline", type=_FILE, help="What to compare with: a committed file.")
@click.option(
    "--config",
    type=_FILE,
    help="What is checked, and how much is too much; by default diffbench-check.toml "
    "where it exists.",
)
@click.option("--strict", is_flag=True, help="Fail, with 4, where replies are too few.")
@click.option("--json", "json_path", type=_FILE, help="Write the report as JSON.")
@click.option("--junit", "junit_path", type=_FILE, help="Write it as JUnit XML.")
@click.option("--markdown", "markdown_path", type=_FILE, help="Write it as Markdown.")
@click.option(
    "--github/--no-github",
    default=None,
    help="Annotate the run and its summary; by default in GitHub Actions.",
)
@click.option("--self-test", is_flag=True, help="Show the gate failing and passing.")
@click.option("--debug", is_flag=True, help="Print the traceback of an internal error.")
def check(
    result: Path | None,
    baseline: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Judge a result and end with the verdict's exit code."""
    if options["self_test"]:
        _self_test()
        return
    if result is None or baseline is None:
        missing = "RESULT" if result is None else "--baseline"
        raise click.UsageError(
            f"{missing} is missing; write diffbench check RESULT --baseline FILE"
        )
    outputs: dict[str, Path | None] = {name: options[name] for name in _OUTPUTS}
    _require_folders(outputs)
    from diffbench.gate.run import check_files

    report = check_files(result, baseline, _config(config), strict=options["strict"])
    _print(report, github=options["github"])
    _write(report, outputs)
    click.get_current_context().exit(report.exit_code)


def _config(path: Path | None) -> CheckConfig:
    from diffbench.gate import CONFIG_NAME, CheckConfig, read_config

    if path is None:
        usual = Path(CONFIG_NAME)
        return read_config(usual) if usual.exists() else CheckConfig()
    return read_config(path)


def _require_folders(outputs: dict[str, Path | None]) -> None:
    """Refuse before the check what could not be written after it."""
    for path in outputs.values():
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise SettingsError(
                f"{path}: cannot be written; name a file in a folder that exists"
            )


def _print(report: CheckReport, *, github: bool | None) -> None:
    from diffbench.gate.github import in_github, workflow_commands, write_step_summary
    from diffbench.gate.text import text_report

    click.echo(text_report(report))
    if in_github() if github is None else github:
        for line in workflow_commands(report):
            click.echo(line)
        write_step_summary(report)


def _write(report: CheckReport, outputs: dict[str, Path | None]) -> None:
    from diffbench.gate.json_report import json_report
    from diffbench.gate.junit import junit_report
    from diffbench.gate.text import markdown_report
    from diffbench.results import write_atomic

    makers: dict[str, Callable[[], bytes]] = {
        "json_path": lambda: (
            json.dumps(json_report(report), indent=1, allow_nan=False) + "\n"
        ).encode(),
        "junit_path": lambda: junit_report(report),
        "markdown_path": lambda: markdown_report(report).encode(),
    }
    for name, make in makers.items():
        path = outputs[name]
        if path is not None:
            write_atomic(path, make())


def _self_test() -> None:
    from diffbench.gate.self_test import run_self_test

    cases = run_self_test()
    for case in cases:
        word = "ok" if case.found == case.expected else "WRONG"
        click.echo(f"{word:<5}  exit {case.found}, must be {case.expected}: {case.shows}")
    if any(case.found != case.expected for case in cases):
        raise RuntimeError(
            "the gate does not decide as it must; trust none of its verdicts"
        )
    click.echo(f"The gate failed and passed as it must, in {len(cases)} cases.")
