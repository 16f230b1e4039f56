"""Hub models through the real client, from a hub on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffbench.models import demo_model_dir
from diffbench.results import load_results
from tests.models.hub import COMMIT, GATED, OPEN, hub


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with hub(demo_model_dir()) as address:
        yield address


def _run(model: str, endpoint: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(cwd / "hf")}
    del environment["HF_HUB_OFFLINE"]
    words = ["run", "--model", model, "--tasks", "diffbench_dates_weekday"]
    return subprocess.run(
        [sys.executable, "-m", "diffbench", *words, "--output", "out"],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_hub_model_is_downloaded_and_measured(endpoint: str, tmp_path: Path) -> None:
    done = _run(f"hf:{OPEN}", endpoint, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    model = load_results(tmp_path / "out").model
    assert (model.id, model.revision) == (OPEN, COMMIT)
    assert not model.synthetic


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (f"hf:{GATED}", "is gated: accept its terms"),
        ("hf:tiny/misspelt", "has no model tiny/misspelt"),
    ],
)
def test_a_hub_that_refuses_gets_one_sentence(
    model: str, said: str, endpoint: str, tmp_path: Path
) -> None:
    done = _run(model, endpoint, tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
