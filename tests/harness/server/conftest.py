"""Runs against servers on loopback, without long waits between tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from diffbench.api import run
from diffbench.harness.server import calls
from diffbench.options import NoProgress, Progress, RunOptions
from diffbench.results import RunResult
from tests.harness.server.faulty import KEY, Faulty, faulty

Measure = Callable[..., RunResult]

WEEKDAY = "diffbench_dates_weekday"


@pytest.fixture(autouse=True)
def _key_and_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(
        calls, "PATIENCE", calls.Patience(first_wait=0.01, longest_wait=0.02)
    )


@pytest.fixture
def server() -> Iterator[Faulty]:
    with faulty() as running:
        yield running


@pytest.fixture
def measure(server: Faulty, tmp_path: Path) -> Measure:
    """Run one prompt of a task on the server, 20 replies unless told otherwise."""

    def _measure(progress: Progress | None = None, **values: Any) -> RunResult:
        stated: dict[str, Any] = {
            "model": f"api:some-model@{server.url}",
            "tasks": (WEEKDAY,),
            "samples": 20,
            "limit": 1,
            "output": tmp_path / "out",
        }
        return run(RunOptions(**{**stated, **values}), progress or NoProgress())

    return _measure
