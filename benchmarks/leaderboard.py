"""The leaderboard's site: seconds to build it, by one process and by one a core.

    python benchmarks/leaderboard.py [RUNS]

The runs (1,000 unless stated otherwise) are made up: models of the core tasks' targets,
each distribution drawn anew, four tuned versions to a base; their files are under gzip.
Both sites are the same, byte for byte, or the command fails; seconds, their ratio, the
processor's seconds (all processes together) and the pages' weight are of this run.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from side_by_side import print_row

from diffbench.harness.measure import exact_prompt
from diffbench.results import (
    RunResult,
    TaskResult,
    content_sha256,
    family_aggregates,
    mean_metrics,
    overall_aggregate,
    write_results,
)
from diffbench.site import build_site
from diffbench.site.perfect import perfect_run
from diffbench.suite import TaskDefinition, shipped_catalog

RUNS = 1000
TUNED = 4
GROUP = "diffbench_core"


def main() -> None:
    """Build the site of many runs twice and print a row for each."""
    n_runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    catalog = shipped_catalog()
    tasks = [catalog.tasks[name] for name in catalog.groups[GROUP].tasks]
    with TemporaryDirectory() as folder:
        place = Path(folder)
        for number, run in enumerate(_runs(tasks, n_runs)):
            write_results(place / "in" / f"{number:04}", run, packed=True)
        print_row(
            "runs", "tasks", "processes", "seconds", "ratio", "CPU s", "largest page, KB"
        )
        whole: dict[int, tuple[float, str]] = {}
        for jobs in (1, max(2, os.cpu_count() or 1)):
            start, busy = time.perf_counter(), _processor_seconds()
            site = build_site([place / "in"], place / f"site-{jobs}", jobs=jobs).output
            seconds = time.perf_counter() - start
            whole[jobs] = seconds, _digest(site)
            largest = max(path.stat().st_size for path in site.rglob("*.html"))
            print_row(
                n_runs,
                len(tasks),
                jobs,
                f"{seconds:.1f}",
                f"{whole[1][0] / seconds:.2f}",
                f"{_processor_seconds() - busy:.1f}",
                largest // 1000,
            )
    if len({digest for _, digest in whole.values()}) > 1:
        sys.exit("the sites differ")


def _runs(tasks: list[TaskDefinition], n_runs: int) -> Iterator[RunResult]:
    rng = np.random.default_rng(0)
    frame = perfect_run(tasks, samples=1, seed=0, created="2026-01-01T00:00:00+00:00")
    for number in range(n_runs):
        base, version = divmod(number, TUNED + 1)
        sharpness = 0.1 if version == 0 else float(version)
        measured = [
            _task(task, shape, sharpness, rng)
            for task, shape in zip(tasks, frame.tasks, strict=True)
        ]
        yield _seal(frame, measured, _model(frame, f"made-up/model-{base}", version))


def _task(
    task: TaskDefinition, frame: TaskResult, sharpness: float, rng: np.random.Generator
) -> TaskResult:
    """Return a task measured exactly, of a model whose probabilities are drawn."""
    prompts = []
    for prompt in frame.prompts:
        q = rng.dirichlet(np.full(task.target.size, sharpness)) * 0.99
        log_q = [math.log(max(value, 1e-300)) for value in q]
        rows = [
            row
            for value, accepted in zip(log_q, task.key.spellings, strict=True)
            for row in (value, *[-math.inf] * (len(accepted) - 1))
        ]
        exact = exact_prompt(task, prompt.id, rows)
        measured = {
            "probabilities": exact.probabilities,
            "counts": None,
            "invalid": {"any": max(0.0, 1.0 - exact.valid_mass)},
            "metrics": exact.metrics,
        }
        prompts.append(prompt.model_copy(update=measured))
    means = mean_metrics([prompt.metrics for prompt in prompts])
    changes = {
        "name": task.name,
        "estimator": "exact",
        "prompts": prompts,
        "metrics": means,
    }
    return frame.model_copy(update=changes)


def _model(frame: RunResult, base: str, version: int) -> dict[str, Any]:
    own: dict[str, Any] = {"id": base, "spec": base, "parameters": 10**9}
    if version:
        digest = hashlib.sha256(f"{base} {version}".encode()).hexdigest()
        adapter = {"sha256": digest, "name": f"a{version}", "recipe": f"r{version}"}
        own |= {
            "id": f"{base}+a{version}",
            "role": "tuned",
            "parent": base,
            "adapter": adapter,
        }
    return frame.model.model_dump() | own


def _seal(frame: RunResult, tasks: list[TaskResult], model: dict[str, Any]) -> RunResult:
    families = family_aggregates(tasks)
    content = frame.model_dump(mode="json") | {
        "model": model,
        "tasks": [task.model_dump(mode="json") for task in tasks],
        "families": [family.model_dump(mode="json") for family in families],
        "overall": overall_aggregate(families).model_dump(mode="json"),
    }
    whole = RunResult.model_validate(content).model_dump(mode="json")
    return RunResult.model_validate({**whole, "content_sha256": content_sha256(whole)})


def _processor_seconds() -> float:
    """Return the seconds that this process and its finished children have computed."""
    return sum(os.times()[:4])


def _digest(site: Path) -> str:
    return hashlib.sha256((site / "manifest.json").read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
