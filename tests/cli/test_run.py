"""`diffbench run` as its user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import diffbench


def _process(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "diffbench", "run", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "dem"), "Did you mean demo?"),
        (("--model", "demo", "--tasks", "diffbench_numbrs"), "diffbench_numbers"),
        (("--model", "hf:./nowhere"), "does not exist"),
        (("--model", "hf:llama-2-13b-chat"), "hub cannot be reached"),
        (("--model", "demo", "--samples", "0"), "samples is 0"),
        (("--model", "demo", "--resume"), "--resume needs --output"),
        (("--model", "demo", "--answer-rule", "anywhere"), "--estimator sample"),
        (("--model", "demo", "--device", "toaster"), "'toaster' is no device"),
        (("--model", "demo", "--adapter", "none"), "adapter"),
        (("--model", "demo", "--temperature", "0.7;1"), "'0.7;1' is no number"),
        (("--model", "demo", "--temperature", "1,1"), "each of them once"),
        ((), "--model"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_2(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = diffbench("run", *words, cwd=tmp_path)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_mistake_ends_the_process_without_a_traceback(tmp_path: Path) -> None:
    done = _process("--model", "dem", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean demo?" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_several_temperatures_get_a_row_each(tmp_path: Path) -> None:
    words = ["--model", "demo", "--tasks", "diffbench_dates_weekday"]
    words += ["--temperature", "0.7,1.5", "--output", "all"]
    done = diffbench("run", *words, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    (first,) = (i for i, row in enumerate(rows) if row[:4] == ["Day", "of", "the", "week"])
    assert rows[first][4] == "0.7"
    assert rows[first + 1][0] == "1.5"
    assert "all/temperature-…/results.json" in done.stdout
    again = diffbench("run", *words, "--resume", "--json", cwd=tmp_path)
    runs = json.loads(again.stdout)["runs"]
    assert [run["settings"]["temperature"] for run in runs] == [0.7, 1.5]


def test_a_run_says_what_it_found_and_where(tmp_path: Path) -> None:
    done = _process("--model", "demo", "--tasks", "diffbench_dates", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in (
        "synthetic",
        "Day of the week",
        "0…1 ↑",
        "nats ↓",
        "Farthest",
        "runs/demo-",
    ):
        assert text in done.stdout
    assert "[3/3]" in done.stderr
    for noise in ("Warning", "WARNING", "Loading weights", "HFLM", "Building contexts"):
        assert noise not in done.stderr + done.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert [path.name for path in folder.iterdir()] == ["results.json"]


def test_json_is_the_results_file(tmp_path: Path) -> None:
    words = ("--model", "demo", "--tasks", "diffbench_dates_weekday", "--json")
    done = diffbench("run", *words, "--output", "out", cwd=tmp_path)
    printed = json.loads(done.stdout)
    assert printed.pop("output") == "out"
    assert printed == json.loads((tmp_path / "out" / "results.json").read_text())


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "diffbench", "run", "--model", "demo", "--output", "out"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 120
    partial = tmp_path / "out" / "partial"
    while not list(partial.glob("task-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--output out --resume" in said
    assert "Traceback" not in said
