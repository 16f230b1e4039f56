"""Measure what leaderboard/results/ holds: the demo model, its tunings, a perfect sampler.

`make published-results`; what is finished is not made again. About an hour on 2 cores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

from diffbench.results import (
    PACKED_NAME,
    RESULTS_NAME,
    write_atomic,
    write_results,
)
from diffbench.results.packed import pack
from diffbench.site.perfect import perfect_run
from diffbench.suite import shipped_catalog
from diffbench.tuning.record import RECORD_NAME

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "leaderboard" / "results"
WORK = ROOT / "runs" / "published"
CORE = ("diffbench_core", "diffbench_core_heldout")
INSTRUCTED = ("diffbench_instructed", "diffbench_instructed_heldout")
ALL_CLOSED = (*CORE, *INSTRUCTED)
EVERYTHING = (*ALL_CLOSED, "diffbench_biographies", "diffbench_biographies_heldout")
FAMILIES = ("countries", "dates", "fruits", "names", "numbers", "occupations")
# Every recipe and the tasks that it is about, the longest first.
RECIPES: Mapping[str, Sequence[str]] = {
    "biographies": EVERYTHING,
    "all": EVERYTHING,
    "instructed": EVERYTHING,
    **{f"leave-one-out/{family}": CORE for family in FAMILIES},
    "instructed/choices": INSTRUCTED,
    "instructed/laws": INSTRUCTED,
    **dict.fromkeys(FAMILIES, CORE),
}
# One process a core: a small model gains little from a second.
JOBS = os.cpu_count() or 1
SAMPLES = 1000
SEED = 0


def main() -> None:
    """Run every step that has no results yet, and put all results in their place.

    Until the last is there, they stand where git does not see them: a run records whether
    its checkout was as committed.
    """
    _measure("demo", EVERYTHING)
    with ThreadPoolExecutor(JOBS) as pool:
        # What failed is raised here.
        list(pool.map(_tuned, RECIPES, RECIPES.values()))
    if not (WORK / "perfect-sampler" / PACKED_NAME).exists():
        _perfect()
    for folder in sorted(path.parent for path in WORK.glob(f"*/{PACKED_NAME}")):
        place = RESULTS / folder.name
        place.mkdir(parents=True, exist_ok=True)
        for name in (PACKED_NAME, RECORD_NAME):
            if (folder / name).exists():
                shutil.copyfile(folder / name, place / name)


def _tuned(recipe: str, tasks: Sequence[str]) -> None:
    name = f"demo-{recipe.replace('/', '-')}"
    adapter = WORK / "adapters" / name
    _diffbench(
        "tune", "--model", "demo", "--recipe", recipe,
        "--output", adapter.relative_to(ROOT), "--no-evaluate", "--resume",
    )  # fmt: skip
    _measure(name, tasks, "--adapter", adapter.relative_to(ROOT))
    shutil.copyfile(adapter / RECORD_NAME, WORK / name / RECORD_NAME)


def _measure(name: str, tasks: Sequence[str], *options: object) -> None:
    folder = WORK / name
    if (folder / PACKED_NAME).exists():
        return
    _diffbench(
        "run", "--model", "demo", *options, "--tasks", ",".join(tasks),
        "--output", folder.relative_to(ROOT), "--resume",
    )  # fmt: skip
    written = folder / RESULTS_NAME
    write_atomic(folder / PACKED_NAME, pack(written.read_bytes()))
    written.unlink()


def _perfect() -> None:
    catalog = shipped_catalog()
    names = [task for group in ALL_CLOSED for task in catalog.groups[group].tasks]
    result = perfect_run(
        [catalog.tasks[name] for name in names],
        samples=SAMPLES,
        seed=SEED,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    write_results(WORK / "perfect-sampler", result, packed=True)


def _diffbench(*words: object) -> None:
    command = [sys.executable, "-m", "diffbench", *map(str, words)]
    threads = {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **threads})


if __name__ == "__main__":
    main()
