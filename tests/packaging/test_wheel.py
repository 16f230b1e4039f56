"""The built wheel works from an empty folder, with its assets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it where nothing of the checkout is near."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("*.whl")
    site = out / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def _diffbench(site: Path, cwd: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "diffbench", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_assets_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    path = Path(_diffbench(installed, tmp_path, "tasks", "path").strip())
    assert path.is_relative_to(installed)
    listed = json.loads(_diffbench(installed, tmp_path, "tasks", "list", "--json"))
    assert len(listed["tasks"]) == 98
    model = Path(_diffbench(installed, tmp_path, "models", "path", "demo").strip())
    assert model.is_relative_to(installed)


def test_it_measures_the_demo_model(installed: Path, tmp_path: Path) -> None:
    words = ("run", "--model", "demo", "--tasks", "diffbench_dates_weekday")
    report = _diffbench(installed, tmp_path, *words, "--output", "out")
    assert "Day of the week" in report
    assert "all numbers follow" in _diffbench(installed, tmp_path, "verify", "out")


def test_nothing_but_the_package_is_in_it(installed: Path) -> None:
    roots = {path.name for path in installed.iterdir()}
    assert {name.split("-")[0] for name in roots} == {"diffbench"}
    assert (installed / "diffbench" / "py.typed").is_file()
    assert not list(installed.rglob("__pycache__"))
