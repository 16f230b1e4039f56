"""What Python users call to measure a model; the command line calls it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from diffbench.environment import quiet_libraries, share_the_cores
from diffbench.errors import TaskError
from diffbench.models import parse_model
from diffbench.options import NoProgress, Progress, RunOptions, check_temperatures
from diffbench.results import RunResult
from diffbench.suite import (
    AnyTask,
    BiographyDefinition,
    Mode,
    TaskDefinition,
    shipped_catalog,
)
from diffbench.tuning.options import NoTuneProgress, TuneOptions, TuneProgress

if TYPE_CHECKING:
    from diffbench.gate import CheckReport
    from diffbench.tuning.study import Study
    from diffbench.tuning.study_record import StudyName
    from diffbench.tuning.tune import Tuned

__all__ = [
    "PreparedRun",
    "PreparedTuning",
    "check",
    "noise_floor",
    "prepare",
    "prepare_tuning",
    "run",
    "run_temperatures",
    "study",
    "tune",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRun:
    """A run whose options and tasks are known to be sound; no model is loaded yet.

    Attributes:
        options: What was asked for.
        tasks: The tasks, in order, each in the mode it will be measured in.
        biographies: The open-ended tasks, which come after them.
        left_out: A sentence for each prompt file that cannot be measured.
    """

    options: RunOptions
    tasks: tuple[TaskDefinition, ...]
    biographies: tuple[BiographyDefinition, ...]
    left_out: tuple[str, ...]

    def start(self, progress: Progress) -> tuple[RunResult, Path]:
        """Load the model, measure the tasks, and write the results.

        Returns:
            The results and the folder that holds them.
        """
        share_the_cores()
        with quiet_libraries(verbose=self.options.verbose):
            from diffbench.harness.run import run_tasks

            return run_tasks(self.options, self._all, progress)

    def sweep(
        self, temperatures: Sequence[float], progress: Progress
    ) -> tuple[list[tuple[RunResult, Path]], Path]:
        """Measure the tasks at several temperatures instead of the options' own.

        Exact values of all temperatures cost one pass over the model.

        Returns:
            The results and folder of each temperature, and the folder that holds them.
        """
        share_the_cores()
        with quiet_libraries(verbose=self.options.verbose):
            from diffbench.harness.run import sweep_temperatures

            return sweep_temperatures(self.options, temperatures, self._all, progress)

    @property
    def _all(self) -> tuple[AnyTask, ...]:
        return (*self.tasks, *self.biographies)


def prepare(options: RunOptions) -> PreparedRun:
    """Check the model's name and the tasks, before anything slow begins.

    Raises:
        DiffBenchError: If a name is unknown or a file is broken.
    """
    parse_model(options.model)
    selection = shipped_catalog().select(options.tasks)
    tasks = selection.tasks
    if options.samples_only:
        tasks = _in_mode(tasks, "sampled")
    elif options.estimator != "auto":
        tasks = _in_mode(tasks, "exact")
    if options.protocol == "list":
        tasks = tuple(task.as_list(options.draws) for task in tasks)
    if selection.biographies and options.estimator not in ("auto", "sample"):
        raise TaskError(
            f"{selection.biographies[0].name} asks for anything, so its replies are drawn, "
            f"and --estimator is {options.estimator}; leave that task out, or write "
            "--estimator sample"
        )
    if selection.biographies and options.protocol == "list":
        raise TaskError(
            f"{selection.biographies[0].name} asks for one person a reply, and --protocol "
            "is list; leave that task out, or write --protocol independent"
        )
    return PreparedRun(
        options=options,
        tasks=tasks,
        biographies=selection.biographies,
        left_out=selection.left_out,
    )


def _in_mode(tasks: Sequence[TaskDefinition], mode: Mode) -> tuple[TaskDefinition, ...]:
    chosen: dict[str, TaskDefinition] = {}
    for task in (task.as_mode(mode) for task in tasks):
        other = chosen.setdefault(task.name, task)
        if (other.target, other.prompts) != (task.target, task.prompts):
            raise TaskError(
                f"measured {mode}, two different tasks are both named {task.name!r} "
                f"({other.file} and {task.file}); rename one"
            )
    return tuple(chosen.values())


def run(options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Measure a model and write its results folder.

    Args:
        options: Model, tasks and settings.
        progress: Hears what is going on; silent by default.

    Raises:
        DiffBenchError: For unknown names, broken files, or a model that cannot be
            loaded or measured.
    """
    result, _ = prepare(options).start(progress or NoProgress())
    return result


def run_temperatures(
    options: RunOptions, temperatures: Sequence[float], progress: Progress | None = None
) -> list[RunResult]:
    """Measure a model at several temperatures; exact values of all cost one pass.

    Args:
        options: Model, tasks and settings; their own temperature is not used.
        temperatures: Distinct ones, each above 0; one result for each, in this order.
        progress: Hears what is going on; silent by default.

    Raises:
        DiffBenchError: As for `run`, or if a temperature is given twice or none is.
    """
    check_temperatures(options, temperatures)
    finished, _ = prepare(options).sweep(temperatures, progress or NoProgress())
    return [result for result, _ in finished]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTuning:
    """A tuning whose options, recipe and tasks are known to be sound.

    Attributes:
        options: What was asked for.
        left_out: A sentence for each prompt file that cannot be trained.
    """

    options: TuneOptions
    left_out: tuple[str, ...]

    def start(self, progress: TuneProgress) -> Tuned:
        """Load the model, train the adapter, and measure before and after."""
        share_the_cores()
        with quiet_libraries(verbose=self.options.verbose):
            from diffbench.tuning.tune import tune_model

            return tune_model(self.options, progress)


def prepare_tuning(options: TuneOptions) -> PreparedTuning:
    """Check the recipe and its tasks, before anything slow begins.

    Raises:
        DiffBenchError: If a name is unknown or a file is broken.
    """
    from diffbench.tuning.sources import read_sources

    sources = read_sources(options.recipe, options.tasks)
    return PreparedTuning(options=options, left_out=sources.left_out)


def tune(options: TuneOptions, progress: TuneProgress | None = None) -> Tuned:
    """Make an adapter and write it to its folder.

    Args:
        options: Model, recipe and settings.
        progress: Hears what is going on; silent by default.

    Raises:
        DiffBenchError: For unknown names, broken files, or a model that cannot be
            loaded or trained.
    """
    return prepare_tuning(options).start(progress or NoTuneProgress())


def study(
    name: StudyName, options: TuneOptions, progress: TuneProgress | None = None
) -> Study:
    """Train and measure the recipes of a generalisation study.

    Args:
        name: `leave-one-out`, `leave-one-in`, `cross-range` or `instructed`.
        options: Model and settings, with an output folder; their recipe is not used.
        progress: Hears what is going on; silent by default.

    Raises:
        DiffBenchError: As for `tune`, or without an output folder.
    """
    share_the_cores()
    with quiet_libraries(verbose=options.verbose):
        from diffbench.tuning.study import run_study

        return run_study(name, options, progress or NoTuneProgress())


def check(
    result: RunResult | str | Path,
    *,
    baseline: str | Path,
    config: str | Path | None = None,
    strict: bool = False,
) -> CheckReport:
    """Check a result against a baseline, as `diffbench check` does; for pytest.

    Args:
        result: A result, or its results.json or folder.
        baseline: A file that `diffbench baseline update` wrote.
        config: A configuration file; by default the overlap of every task is checked.
        strict: Whether what is unresolved fails.

    Returns:
        The report of a check that passed.

    Raises:
        CheckError: If it did not pass; the message is the report that the command prints.
        SettingsError: If the configuration is wrong.
    """
    from diffbench.gate import CheckConfig, check_files, raise_unless_passed, read_config

    report = check_files(
        result if isinstance(result, RunResult) else Path(result),
        Path(baseline),
        CheckConfig() if config is None else read_config(Path(config)),
        strict=strict,
    )
    raise_unless_passed(report)
    return report


def noise_floor(
    result: RunResult, *, model: str | None = None, adapter: Path | None = None
) -> Mapping[str, float]:
    """Measure a result's exact tasks in two other batch sizes; how far does that move them?

    Args:
        result: The result.
        model: The model to measure; by default that of the result, if it has no adapter.
        adapter: Its adapter.

    Returns:
        By metric, three times the largest change of any prompt, in the metric's unit,
        relative where the value is above 1.

    Raises:
        DiffBenchError: If nothing in the result is exact, or the model cannot be loaded.
    """
    from diffbench.compare import measurement_of
    from diffbench.gate.calibrate import calibration_options, largest_changes

    measured = [measurement_of(result)]
    with TemporaryDirectory() as folder:
        for options in calibration_options(result, model, adapter, Path(folder)):
            measured.append(measurement_of(run(options)))
    return largest_changes(measured)
