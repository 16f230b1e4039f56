"""A report for GitHub Actions: annotations on the run, and the step's summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from diffbench.gate.log import log_line
from diffbench.gate.report import CheckReport, Outcome
from diffbench.gate.text import gravest_first, markdown_report

__all__ = ["in_github", "workflow_commands", "write_step_summary"]

# GitHub shows ten of each kind in a step and drops the rest without a word.
_MOST_OF_A_KIND = 10
_LONGEST = 1000
_SUMMARY_LIMIT = 1024 * 1024

_Kind = Literal["error", "warning"]


def in_github(environment: Mapping[str, str] | None = None) -> bool:
    """Return whether this runs as a step of GitHub Actions."""
    found = os.environ if environment is None else environment
    return found.get("GITHUB_ACTIONS") == "true"


def workflow_commands(report: CheckReport) -> list[str]:
    """Return workflow commands, the gravest first, at most ten of each kind."""
    lines: list[str] = []
    kinds: tuple[_Kind, ...] = ("error", "warning")
    for kind in kinds:
        chosen = [one for one in gravest_first(report) if _kind(one, report) == kind]
        kept = chosen
        if len(chosen) > _MOST_OF_A_KIND:
            kept = chosen[: _MOST_OF_A_KIND - 1]
        lines += [_command(kind, one.name, one.message) for one in kept]
        if len(kept) < len(chosen):
            more = f"{len(chosen) - len(kept)} more; see the summary of this step"
            lines.append(_command(kind, "diffbench check", more))
    if report.conclusion != "pass" and not any(
        line.startswith("::error") for line in lines
    ):
        lines.append(_command("error", "diffbench check", report.headline))
    return lines


def write_step_summary(
    report: CheckReport, environment: Mapping[str, str] | None = None
) -> None:
    """Append the report to the step's summary, if there is one and it has room."""
    found = os.environ if environment is None else environment
    name = found.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    path = Path(name)
    content = markdown_report(report).encode()
    used = path.stat().st_size if path.exists() else 0
    if used + len(content) < _SUMMARY_LIMIT:
        with path.open("ab") as handle:
            handle.write(content)


def _kind(one: Outcome, report: CheckReport) -> _Kind | None:
    if one.status == "regression":
        return "error" if one.blocks else "warning"
    if one.status in ("missing", "not_comparable", "invalid"):
        return "error" if one.required else "warning"
    if one.status == "unresolved":
        return "error" if report.strict and one.blocks else "warning"
    return "warning" if one.status == "accepted" else None


def _command(kind: _Kind, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    shown = log_line(text, _LONGEST)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
