"""Run one job a process and read its time, its peak memory and its results.

Each way of doing the same work gets a fresh process, so that neither warms caches or
fills memory for the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Measured", "print_row", "run_job", "serve_job"]

_JOB = "--job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one job took and gave.

    Attributes:
        seconds: Wall-clock time of the work itself, model loaded and warm.
        mebibytes: Peak memory above what the loaded model took.
        result: What the job computed, as JSON.
    """

    seconds: float
    mebibytes: float
    result: Any


def run_job(script: str, job: dict[str, Any]) -> Measured:
    """Run a benchmark script's job in a process of its own."""
    done = subprocess.run(
        [sys.executable, script, _JOB, json.dumps(job)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def serve_job(prepare: Callable[[dict[str, Any]], Callable[[], Any]]) -> bool:
    """Do the job that the command line names, if it names one.

    Args:
        prepare: Loads what a job needs and returns the work that is timed.
    """
    if _JOB not in sys.argv:
        return False
    job = json.loads(sys.argv[sys.argv.index(_JOB) + 1])
    work = prepare(job)
    before = _reset_peak()
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    mebibytes = (_peak() - before) / 2**20
    line = {"seconds": seconds, "mebibytes": mebibytes, "result": result}
    sys.stdout.write("\n" + json.dumps(line) + "\n")
    return True


def print_row(*cells: object) -> None:
    """Print one line of a table."""
    name, *rest = (str(cell) for cell in cells)
    sys.stdout.write(f"{name:34}" + "".join(f"{cell:>15}" for cell in rest) + "\n")
    sys.stdout.flush()


def _reset_peak() -> int:
    """Forget the peak so far and return the bytes in use."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated())
    return _status("VmHWM")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")
