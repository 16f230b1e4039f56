"""`diffbench tune` as a command, in one process or several, on CPUs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

__all__ = ["TUNE", "kill_after_first_pass", "launcher", "one_thread", "tune_words"]

TUNE = ("-m", "diffbench")


def tune_words(recipe: str, output: Path, *more: str, model: str = "demo") -> list[str]:
    """Return what follows `diffbench`."""
    words = ["tune", "--model", model, "--recipe", recipe, "--device", "cpu"]
    return [*words, "--no-evaluate", "--output", str(output), *more]


def launcher(processes: int = 2) -> list[str]:
    """Return what starts a module in several processes, on a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    return [*words, "--master-addr", "127.0.0.1", "--master-port", port]


def one_thread(**more: str) -> dict[str, str]:
    """Return an environment of one thread a process, and no GPU."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **more}


def kill_after_first_pass(
    words: Sequence[str], output: Path, environment: dict[str, str] | None = None
) -> None:
    """Start Python with these words; kill it and its children at their first checkpoint."""
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    deadline = time.monotonic() + 600
    while not (output / "checkpoint.safetensors").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    started = psutil.Process(process.pid)
    for one in [started, *started.children(recursive=True)]:
        one.kill()
    process.wait()
