"""Check files: what cannot be read cannot be judged."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from diffbench.errors import DiffBenchError, ResultError
from diffbench.gate.baseline import Baseline, load_baseline
from diffbench.gate.config import CheckConfig
from diffbench.gate.judge import CheckRequest, check_result, refused
from diffbench.gate.report import CheckReport
from diffbench.gate.text import text_report
from diffbench.results import RunResult, load_results

__all__ = ["CheckError", "check_files", "raise_unless_passed"]


class CheckError(DiffBenchError, AssertionError):
    """A check did not pass; `report` has all of it, the message is its text.

    Attributes:
        report: The whole check.
    """

    def __init__(self, report: CheckReport) -> None:
        super().__init__(text_report(report))
        self.report = report


def check_files(
    result: RunResult | Path,
    baseline: Baseline | Path,
    config: CheckConfig,
    *,
    strict: bool = False,
    today: date | None = None,
) -> CheckReport:
    """Check a result, or its file or folder, against a baseline or its file.

    A file that is missing, truncated, edited or of another version gives a report that
    says so, with the conclusion `cannot_judge`.
    """
    request = CheckRequest(config=config, strict=strict, today=today or date.today())
    try:
        loaded = load_baseline(baseline) if isinstance(baseline, Path) else baseline
        found = load_results(result) if isinstance(result, Path) else result
    except ResultError as error:
        return refused(str(error), strict=strict)
    return check_result(found, loaded, request)


def raise_unless_passed(report: CheckReport) -> None:
    """Raise what a failed check is.

    Raises:
        CheckError: Unless the report's conclusion is `pass`.
    """
    if report.conclusion != "pass":
        raise CheckError(report)
