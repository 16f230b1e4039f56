"""A report for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from diffbench.gate.report import CheckReport

__all__ = ["json_report"]


def json_report(report: CheckReport) -> dict[str, Any]:
    """Return the whole report as JSON holds it; numbers are finite or null."""
    return {"schema_version": "1", **asdict(report)}
