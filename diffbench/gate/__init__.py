"""The gate behind `diffbench check`: a result against a committed baseline."""

from __future__ import annotations

from diffbench.gate.baseline import Baseline, baseline_of, load_baseline, write_baseline
from diffbench.gate.config import CONFIG_NAME, CheckConfig, read_config
from diffbench.gate.judge import CheckRequest, check_result
from diffbench.gate.report import CheckReport, Outcome
from diffbench.gate.run import CheckError, check_files, raise_unless_passed
from diffbench.gate.text import markdown_report, text_report

__all__ = [
    "CONFIG_NAME",
    "Baseline",
    "CheckConfig",
    "CheckError",
    "CheckReport",
    "CheckRequest",
    "Outcome",
    "baseline_of",
    "check_files",
    "check_result",
    "load_baseline",
    "markdown_report",
    "raise_unless_passed",
    "read_config",
    "text_report",
    "write_baseline",
]
