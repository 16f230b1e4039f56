"""`diffbench check --self-test`: the gate fails where it must, and passes where it may.

Each case is written to files and checked as a user's files are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from diffbench.gate.baseline import baseline_of, encode_baseline
from diffbench.gate.config import CheckConfig
from diffbench.gate.fixtures import fixture_result, fixture_task
from diffbench.gate.run import check_files
from diffbench.results import RunResult, content_sha256, write_results

__all__ = ["SelfTestCase", "run_self_test"]

_FAIR = fixture_task("exact", probabilities=(0.5, 0.49))
_BENT = fixture_task("exact", probabilities=(0.6, 0.39))
_DRAWN = fixture_task("drawn", counts=(300, 90), n_invalid=10)
_DRAWN_AGAIN = fixture_task("drawn", counts=(296, 96), n_invalid=8)
_DRAWN_WORSE = fixture_task("drawn", counts=(380, 10), n_invalid=10)
_BASELINE = fixture_result(_FAIR, _DRAWN)
_WIDE = CheckConfig(margin=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestCase:
    """One case: what it shows, what the exit code must be, and what it was."""

    shows: str
    expected: int
    found: int


def run_self_test() -> list[SelfTestCase]:
    """Check every shipped fixture and return what came of each."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        return [
            SelfTestCase(shows=shows, expected=expected, found=make(folder / str(number)))
            for number, (shows, expected, make) in enumerate(_CASES)
        ]


def _check(folder: Path, result: RunResult, *, strict: bool, margin: float) -> int:
    path, baseline = _write(folder, result)
    config = CheckConfig(margin=margin)
    return check_files(path, baseline, config, strict=strict).exit_code


def _write(folder: Path, result: RunResult) -> tuple[Path, Path]:
    path = write_results(folder, result)
    baseline = folder / "baseline.json"
    baseline.write_bytes(encode_baseline(baseline_of(_BASELINE, "self-test")))
    return path, baseline


def _of(*tasks: Any, strict: bool = True, margin: float = 0.2) -> Callable[[Path], int]:
    result = fixture_result(*tasks)
    return lambda folder: _check(folder, result, strict=strict, margin=margin)


def _with_nan(folder: Path) -> int:
    path, baseline = _write(folder, _BASELINE)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["tasks"][0]["metrics"]["overlap"]["value"] = float("nan")
    path.write_text(json.dumps(content), encoding="utf-8")
    return check_files(path, baseline, _WIDE, strict=True).exit_code


def _with_forged_value(folder: Path) -> int:
    path, baseline = _write(folder, fixture_result(_BENT, _DRAWN_AGAIN))
    content = json.loads(path.read_text(encoding="utf-8"))
    content["tasks"][0]["metrics"]["overlap"]["value"] = 0.99
    content["content_sha256"] = content_sha256(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return check_files(path, baseline, _WIDE, strict=True).exit_code


def _with_edited_baseline(folder: Path) -> int:
    path, baseline = _write(folder, _BASELINE)
    text = baseline.read_text(encoding="utf-8")
    baseline.write_text(text.replace("300", "200", 1), encoding="utf-8")
    return check_files(path, baseline, _WIDE, strict=True).exit_code


_CASES: tuple[tuple[str, int, Callable[[Path], int]], ...] = (
    ("the same values, and other replies of the same coin", 0, _of(_FAIR, _DRAWN_AGAIN)),
    ("an exact value that fell", 1, _of(_BENT, _DRAWN_AGAIN)),
    ("replies that lean further", 1, _of(_FAIR, _DRAWN_WORSE, margin=0.02)),
    ("a task that is missing", 3, _of(_FAIR)),
    ("NaN in the result", 3, _with_nan),
    ("a value that does not follow from the result's own numbers", 3, _with_forged_value),
    ("a baseline that was edited by hand", 3, _with_edited_baseline),
    ("too few replies to tell, and --strict", 4, _of(_FAIR, _DRAWN_AGAIN, margin=0.001)),
    ("the same without --strict", 0, _of(_FAIR, _DRAWN_AGAIN, strict=False, margin=0.001)),
)
