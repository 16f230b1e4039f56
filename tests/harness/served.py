"""The demo model behind a real chat server, `transformers serve`, on loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffbench.models import demo_model_dir

__all__ = ["GREEDY", "SAMPLING", "served_demo"]

SAMPLING = "sampling-demo"
"""Draws from the model's own distribution, as far as a request lets it."""
GREEDY = "greedy-demo"
"""The same model with a server's default of taking the likeliest token always."""

_DEADLINE_S = 120


@contextmanager
def served_demo(folder: Path) -> Iterator[str]:
    """Serve both models from a folder; yields the base URL. Ends with the block."""
    for name, sampling in ((SAMPLING, True), (GREEDY, False)):
        shutil.copytree(demo_model_dir(), folder / name)
        path = folder / name / "generation_config.json"
        config = json.loads(path.read_text())
        config.pop("_from_model_config")
        if sampling:
            config |= {"do_sample": True, "top_k": 0}
        path.write_text(json.dumps(config))
    port = _free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve"]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options, "--dtype", "float32"],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(process, port, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()
            process.wait()


def _environment(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    return {
        **kept,
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    # A proxy in the environment is not to be asked for this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"no server came up: {log.read_text()[-2000:]}")
