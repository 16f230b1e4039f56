"""Run tasks on a model and write the results: the library behind `diffbench run`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from diffbench.errors import ModelError, printable
from diffbench.harness.backends import Backend, MeasuredLM, open_backend
from diffbench.harness.identity import run_command, run_id, run_settings
from diffbench.harness.one_biography import run_biography
from diffbench.harness.one_task import TaskOutcome, run_task
from diffbench.models.spec import parse_model
from diffbench.options import NoProgress, Progress, RunOptions
from diffbench.processes import Processes, is_first
from diffbench.results import (
    BiographyResult,
    ModelInfo,
    RunInfo,
    RunResult,
    TaskResult,
    sealed_result,
    with_order,
    write_results,
    write_samples,
)
from diffbench.results.partial import AnyResult, PartialRun, SampleRow
from diffbench.results.provenance import checkout, hardware, package_versions
from diffbench.suite import AnyTask, BiographyDefinition
from diffbench.version import __version__

__all__ = ["Finished", "run_tasks", "sweep_temperatures"]

Finished = tuple[RunResult, Path]


def run_tasks(
    options: RunOptions, tasks: Sequence[AnyTask], progress: Progress
) -> Finished:
    """Measure tasks, one after another, and write `results.json`.

    A killed run leaves its finished tasks in the output folder, and `resume` goes on
    from there to the same results. Several processes share the work of each task; the
    first of them writes.

    Returns:
        The results and the folder that holds them.

    Raises:
        DiffBenchError: If the model cannot be loaded or measured, or the output folder
            is taken.
    """
    start = time.monotonic()
    progress = progress if is_first() else NoProgress()
    backend = _find((options,), progress)
    output = options.output or _new_folder(backend.info)
    return _run(backend, options, tasks, _Place(output, output, start), progress)


def sweep_temperatures(
    options: RunOptions,
    temperatures: Sequence[float],
    tasks: Sequence[AnyTask],
    progress: Progress,
) -> tuple[list[Finished], Path]:
    """Measure tasks at several temperatures; exact values of all cost one pass.

    Each temperature has results of its own, in a folder `temperature-…` of the output.

    Returns:
        The results and folder of each temperature, and the folder of them all.

    Raises:
        DiffBenchError: As for `run_tasks`.
    """
    start = time.monotonic()
    progress = progress if is_first() else NoProgress()
    runs = tuple(replace(options, temperature=t) for t in temperatures)
    backend = _find(runs, progress)
    output = options.output or _new_folder(backend.info)
    finished = []
    for one in runs:
        place = _Place(output / f"temperature-{one.temperature}", output, start)
        finished.append(_run(backend, one, tasks, place, progress))
        start = time.monotonic()
    return finished, output


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run's results go, the folder that the user names, and when it began."""

    output: Path
    named: Path
    start: float


def _find(runs: Sequence[RunOptions], progress: Progress) -> Backend:
    spec = parse_model(runs[0].model)
    if spec.backend != "api":
        progress.loading(spec.name)
    return open_backend(spec, runs)


def _run(
    backend: Backend,
    options: RunOptions,
    tasks: Sequence[AnyTask],
    place: _Place,
    progress: Progress,
) -> Finished:
    processes = Processes()
    settings = run_settings(options, backend.thinking)
    identity = run_id(backend.info, settings, tasks)
    partial = PartialRun(place.output, identity)
    finished = processes.first(lambda: partial.begin(resume=options.resume))
    if finished is not None:
        return finished, place.output
    try:
        lm = backend.start(options, tasks, partial, progress)
    except BaseException:
        if is_first():
            partial.give_back()
        raise
    work = _Work(options, tasks, partial, processes, progress)
    results, samples = work.measure(lm, place.named)
    result = sealed_result(
        run=_run_info(identity, backend, options, place, results),
        model=backend.info,
        settings=settings,
        tasks=[one for one in results if isinstance(one, TaskResult)],
        biographies=[one for one in results if isinstance(one, BiographyResult)],
    )
    processes.first(lambda: _write(partial, result, samples))
    return result, place.output


@dataclass(frozen=True, slots=True)
class _Work:
    """What is measured, by whom, and where finished tasks are kept."""

    options: RunOptions
    tasks: Sequence[AnyTask]
    partial: PartialRun
    processes: Processes
    progress: Progress

    def measure(
        self, lm: MeasuredLM, named: Path
    ) -> tuple[list[AnyResult], list[SampleRow]]:
        """Return all tasks' results; those of an interrupted run are not measured again."""
        done = self.processes.first(
            lambda: [self.partial.load(task.name) for task in self.tasks]
        )
        n_done = sum(stored is not None for stored in done)
        self.progress.started(len(self.tasks), n_done, named)
        pieces = [
            self._measure(lm, task) if stored is None else stored
            for task, stored in zip(self.tasks, done, strict=True)
        ]
        return [result for result, _ in pieces], [row for _, rows in pieces for row in rows]

    def _measure(self, lm: MeasuredLM, task: AnyTask) -> tuple[AnyResult, list[SampleRow]]:
        self.progress.task(task.name)
        try:
            outcome = _measured(lm, task, self.options)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise ModelError(
                f"{task.name} does not fit into the device's memory; try --dtype bfloat16 "
                "or --device spread. Finished tasks are kept for --resume"
            ) from error
        self.processes.first(lambda: self.partial.store(outcome.result, outcome.samples))
        self.progress.finished(task.name)
        return outcome.result, outcome.samples


def _measured(lm: MeasuredLM, task: AnyTask, options: RunOptions) -> TaskOutcome[AnyResult]:
    if isinstance(task, BiographyDefinition):
        return run_biography(lm, task, options)
    return run_task(lm, task, options)


def _is_out_of_memory(error: RuntimeError) -> bool:
    # By name, since a chat API is measured without torch. On a CPU it is a plain error.
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(
        error
    )


def _write(partial: PartialRun, result: RunResult, samples: list[SampleRow]) -> None:
    if samples:
        write_samples(partial.output, samples)
    write_results(partial.output, result)
    partial.end()


def _run_info(
    identity: str,
    backend: Backend,
    options: RunOptions,
    place: _Place,
    results: Sequence[AnyResult],
) -> RunInfo:
    evidence = backend.evidence()
    closed = [one for one in results if isinstance(one, TaskResult)]
    open_ended = [one for one in results if isinstance(one, BiographyResult)]
    return RunInfo(
        id=identity,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=run_command(backend.info, options, open_ended=bool(open_ended)),
        diffbench=__version__,
        git=checkout(),
        packages=package_versions(),
        hardware=hardware(backend.device),
        duration_s=round(time.monotonic() - place.start, 3),
        scoring_path=evidence.scoring_path,
        scoring_check_nats=evidence.scoring_check_nats,
        independence=with_order(evidence.independence, closed, open_ended),
    )


def _new_folder(model: ModelInfo) -> Path:
    name = "".join(c if c.isalnum() or c in "._+-" else "-" for c in model.id)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{printable(name, 80)}-{stamp}"
