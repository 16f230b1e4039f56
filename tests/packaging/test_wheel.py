"""The built wheel works from an empty folder, with its assets."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

# Building takes half a minute.
pytestmark = pytest.mark.xdist_group("wheel")

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
    assert len(listed["tasks"]) == 350
    model = Path(_diffbench(installed, tmp_path, "models", "path", "demo").strip())
    assert model.is_relative_to(installed)


def test_data_travel_with_their_sources_and_credit(wheel: Path, installed: Path) -> None:
    tasks = installed / "diffbench" / "_assets" / "tasks" / "natural"
    sources = yaml.safe_load((tasks / "SOURCES.yml").read_text(encoding="utf-8"))
    assert len(sources) == 22
    for file, source in sources.items():
        content = (tasks / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == source["sha256"]
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.endswith("/ATTRIBUTION.md")]
        assert len(names) == 1 and ".dist-info/" in names[0]
        credit = archive.read(names[0]).decode()
    for source in sources.values():
        assert source.get("attribution", "") in credit


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
