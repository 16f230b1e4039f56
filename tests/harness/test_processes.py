"""Two processes under a launcher give what one gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from diffbench import RunOptions, SettingsError, load_results, run
from diffbench.harness.backends import open_backend
from diffbench.models import parse_model
from diffbench.processes import Processes

# One task has a tree that is cut into several rows, one a few outcomes, one is sampled;
# with a limit of 1, each has a single prompt.
TASKS = (
    "diffbench_numbers_1_100",
    "diffbench_dates_weekday",
    "diffbench_numbers_1_10_sampled",
)
SHARES = """
import sys
from diffbench.processes import Processes, is_first

processes = Processes()

def work(i):
    if i == 3:
        raise KeyError("three")
    return i, processes._rank

found = processes.map(3, work)
try:
    processes.map(4, work)
except KeyError as error:
    found.append(str(error))
found.append(processes.first(lambda: is_first()))
print(found, file=open(sys.argv[1] + str(is_first()), "w"))
"""


def _launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Start two processes as `torchrun` does; `accelerate launch` calls the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, "--master-addr", "127.0.0.1", "--master-port", str(port), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def test_work_is_divided_and_everyone_knows_the_whole(tmp_path: Path) -> None:
    script = tmp_path / "shares.py"
    script.write_text(SHARES)
    done = _launch(str(script), str(tmp_path / "found-"))
    assert done.returncode == 0, done.stderr
    expected = "[(0, 0), (1, 1), (2, 0), \"'three'\", True]\n"
    assert (tmp_path / "found-True").read_text() == expected
    assert (tmp_path / "found-False").read_text() == expected


def test_two_processes_write_what_one_writes(tmp_path: Path) -> None:
    options = RunOptions(
        model="demo", tasks=TASKS, limit=1, samples=200, output=tmp_path / "one"
    )
    alone = run(options)
    words = ["--model", "demo", "--tasks", ",".join(TASKS), "--limit", "1"]
    words += ["--samples", "200", "--output", str(tmp_path / "two")]
    done = _launch("-m", "diffbench", "run", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Results: ") == 1
    together = load_results(tmp_path / "two")
    assert together.tasks == alone.tasks
    assert together.content_sha256 == alone.content_sha256


def test_an_error_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    done = _launch(
        *("-m", "diffbench", "run", "--model", "demo"),
        *("--tasks", "diffbench_dates_weekday", "--output", str(tmp_path)),
    )
    assert done.returncode != 0
    assert done.stderr.count("already holds a finished run") == 1


def test_a_server_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    options = RunOptions(model="api:m@http://127.0.0.1:9/v1")
    with pytest.raises(SettingsError, match="in one process"):
        open_backend(parse_model(options.model), [options])


def test_one_process_does_everything() -> None:
    assert Processes().map(3, lambda i: i * i) == [0, 1, 4]
    with pytest.raises(ZeroDivisionError):
        Processes().map(2, lambda i: 1 // i)
