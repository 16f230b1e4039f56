"""Measure what leaderboard/results/ holds: the demo model, its tunings, a perfect sampler.

`make published-results`; what is finished is not made again. About an hour on 2 cores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

from diffbench.results import (
    PACKED_NAME,
    RESULTS_NAME,
    SAMPLES_NAME,
    write_atomic,
    write_results,
)
from diffbench.results.packed import pack
from diffbench.site.perfect import perfect_run
from diffbench.suite import shipped_catalog
from diffbench.tuning.record import RECORD_NAME

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "leaderboard" / "results"
ADAPTERS = ROOT / "runs" / "published"
GROUPS = ("diffbench_core", "diffbench_instructed")
CLOSED = [name for group in GROUPS for name in (group, f"{group}_heldout")]
TASKS = ",".join([*CLOSED, "diffbench_biographies", "diffbench_biographies_heldout"])
FAMILIES = ("countries", "dates", "fruits", "names", "numbers", "occupations")
RECIPES = (
    "biographies",
    "all",
    "instructed",
    *(f"leave-one-out/{family}" for family in FAMILIES),
    *FAMILIES,
)
# One process a core: a small model gains little from a second.
JOBS = os.cpu_count() or 1
SAMPLES = 1000
SEED = 0


def main() -> None:
    """Run every step that has no results yet."""
    _measure(RESULTS / "demo")
    with ThreadPoolExecutor(JOBS) as pool:
        # What failed is raised here.
        list(pool.map(_tuned, RECIPES))
    if not (RESULTS / "perfect-sampler" / PACKED_NAME).exists():
        _perfect()


def _tuned(recipe: str) -> None:
    name = recipe.replace("/", "-")
    adapter, folder = ADAPTERS / name, RESULTS / f"demo-{name}"
    _diffbench(
        "tune", "--model", "demo", "--recipe", recipe,
        "--output", adapter.relative_to(ROOT), "--no-evaluate", "--resume",
    )  # fmt: skip
    _measure(folder, "--adapter", adapter.relative_to(ROOT))
    shutil.copyfile(adapter / RECORD_NAME, folder / RECORD_NAME)


def _measure(folder: Path, *options: object) -> None:
    if (folder / PACKED_NAME).exists():
        return
    _diffbench(
        "run", "--model", "demo", *options, "--tasks", TASKS,
        "--output", folder.relative_to(ROOT), "--resume",
    )  # fmt: skip
    written = folder / RESULTS_NAME
    write_atomic(folder / PACKED_NAME, pack(written.read_bytes()))
    written.unlink()
    # The commonest invalid replies stand in the results file as well.
    (folder / SAMPLES_NAME).unlink(missing_ok=True)


def _perfect() -> None:
    catalog = shipped_catalog()
    names = [task for group in CLOSED for task in catalog.groups[group].tasks]
    result = perfect_run(
        [catalog.tasks[name] for name in names],
        samples=SAMPLES,
        seed=SEED,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    write_results(RESULTS / "perfect-sampler", result, packed=True)


def _diffbench(*words: object) -> None:
    command = [sys.executable, "-m", "diffbench", *map(str, words)]
    threads = {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **threads})


if __name__ == "__main__":
    main()
