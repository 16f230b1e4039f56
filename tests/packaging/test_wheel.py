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
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """Unpack the wheel where nothing of the checkout is near."""
    site = wheel.parent / "site"
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


def test_nothing_but_the_package_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"diffbench"}
    assert "diffbench/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or "/runs/" in name]
