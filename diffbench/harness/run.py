"""Run tasks on a model and write the results: the library behind `diffbench run`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from diffbench.errors import printable
from diffbench.harness.backends import Backend, MeasuredLM, open_backend
from diffbench.harness.identity import run_command, run_id, run_settings
from diffbench.harness.one_task import TaskOutcome, run_task
from diffbench.models.spec import parse_model
from diffbench.options import Progress, RunOptions
from diffbench.results import (
    SCHEMA_VERSION,
    ModelInfo,
    RunInfo,
    RunResult,
    TaskResult,
    content_sha256,
    family_aggregates,
    overall_aggregate,
    write_results,
    write_samples,
)
from diffbench.results.partial import PartialRun, SampleRow
from diffbench.results.provenance import checkout, hardware, package_versions
from diffbench.suite import TaskDefinition
from diffbench.version import __version__

__all__ = ["Finished", "run_tasks"]

Finished = tuple[RunResult, Path]

_UNSEALED = "0" * 64


def run_tasks(
    options: RunOptions, tasks: Sequence[TaskDefinition], progress: Progress
) -> Finished:
    """Measure tasks, one after another, and write `results.json`.

    A killed run leaves its finished tasks in the output folder, and `resume` goes on
    from there to the same results.

    Returns:
        The results and the folder that holds them.

    Raises:
        DiffBenchError: If the model cannot be loaded or measured, or the output folder
            is taken.
    """
    start = time.monotonic()
    spec = parse_model(options.model)
    if spec.backend != "api":
        progress.loading(spec.name)
    backend = open_backend(spec, options)
    model, settings = backend.info, run_settings(options, backend.thinking)
    identity = run_id(model, settings, tasks)
    output = options.output or _new_folder(model)
    partial = PartialRun(output, identity)
    finished = partial.begin(resume=options.resume)
    if finished is not None:
        return finished, output
    lm = _start(backend, tasks, partial, progress)
    results, samples = _measure(lm, tasks, options, partial, progress)
    families = family_aggregates(results)
    content = {
        "schema_version": SCHEMA_VERSION,
        "run": _run_info(identity, backend, options, time.monotonic() - start),
        "model": model,
        "settings": settings,
        "tasks": results,
        "families": families,
        "overall": overall_aggregate(families),
    }
    result = _seal(content)
    if samples:
        write_samples(output, samples)
    write_results(output, result)
    partial.end()
    return result, output


def _start(
    backend: Backend,
    tasks: Sequence[TaskDefinition],
    partial: PartialRun,
    progress: Progress,
) -> MeasuredLM:
    try:
        return backend.start(tasks, partial, progress)
    except BaseException:
        partial.give_back()
        raise


def _run_info(
    identity: str, backend: Backend, options: RunOptions, duration_s: float
) -> RunInfo:
    evidence = backend.evidence()
    return RunInfo(
        id=identity,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=run_command(backend.info, options),
        diffbench=__version__,
        git=checkout(),
        packages=package_versions(),
        hardware=hardware(backend.device),
        duration_s=round(duration_s, 3),
        scoring_path=evidence.scoring_path,
        scoring_check_nats=evidence.scoring_check_nats,
        independence=evidence.independence,
    )


def _seal(content: dict[str, Any]) -> RunResult:
    unsealed = RunResult(**content, content_sha256=_UNSEALED)
    sha256 = content_sha256(unsealed.model_dump(mode="json"))
    return unsealed.model_copy(update={"content_sha256": sha256})


def _measure(
    lm: MeasuredLM,
    tasks: Sequence[TaskDefinition],
    options: RunOptions,
    partial: PartialRun,
    progress: Progress,
) -> tuple[list[TaskResult], list[SampleRow]]:
    done = {task.name: partial.load(task.name) for task in tasks}
    n_done = sum(stored is not None for stored in done.values())
    progress.started(len(tasks), n_done, partial.output)
    results: list[TaskResult] = []
    samples: list[SampleRow] = []
    for task in tasks:
        stored = done[task.name]
        if stored is None:
            progress.task(task.name)
            outcome: TaskOutcome = run_task(lm, task, options)
            stored = outcome.result, outcome.samples
            partial.store(*stored)
            progress.finished(task.name)
        results.append(stored[0])
        samples += stored[1]
    return results, samples


def _new_folder(model: ModelInfo) -> Path:
    name = "".join(c if c.isalnum() or c in "._+-" else "-" for c in model.id)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{printable(name, 80)}-{stamp}"
