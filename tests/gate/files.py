"""Results and baselines in files, as a user has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from diffbench.cli.main import main
from diffbench.gate import baseline_of
from diffbench.gate.baseline import encode_baseline
from diffbench.results import RunResult, TaskResult, write_results
from tests.results.factory import exact_task, make_run_of, sampled_task

__all__ = ["EXACT", "Case", "case", "check", "reply_task"]

EXACT = exact_task((0.5, 0.49), (0.6, 0.4))


def reply_task(heads: int, tails: int, invalid: int = 0) -> TaskResult:
    """A coin tossed by a model, one prompt."""
    replies = ["{heads}"] * heads + ["{tails}"] * tails + ["No."] * invalid
    return sampled_task(replies, name="diffbench_coin_sampled")


class Case:
    """A result, a baseline and a place for outputs."""

    def __init__(self, folder: Path, before: RunResult, after: RunResult) -> None:
        self.folder = folder
        self.result = write_results(folder, after)
        self.baseline = folder / "baseline.json"
        self.baseline.write_bytes(encode_baseline(baseline_of(before, "a test")))

    def config(self, text: str) -> Path:
        """Write a configuration."""
        path = self.folder / "check.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def check(self, *more: object) -> Result:
        """Run `diffbench check` on it."""
        return check(self.result, "--baseline", self.baseline, *more)


def case(folder: Path, before: list[TaskResult], after: list[TaskResult]) -> Case:
    """Write two runs of these tasks."""
    return Case(folder, make_run_of(*before), make_run_of(*after))


def check(*arguments: object) -> Result:
    """Run `diffbench check`; nothing may escape it."""
    found = CliRunner().invoke(main, ["check", *map(str, arguments)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        pytest.fail(f"{found.exception!r} escaped")
    return found
