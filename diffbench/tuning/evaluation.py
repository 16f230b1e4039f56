"""Results before and after a tuning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffbench.compare import (
    BiographyComparison,
    Comparison,
    compare_biographies,
    compare_results,
)
from diffbench.harness.run import run_tasks
from diffbench.options import RunOptions
from diffbench.results import RunResult
from diffbench.suite import TaskDefinition
from diffbench.tuning.options import TUNED_FOLDER, TuneOptions, TuneProgress
from diffbench.tuning.sources import Sources

__all__ = ["Evaluated", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The untuned and the tuned model's results, and what changed.

    Attributes:
        base: Results of the untuned model.
        tuned: Those of the tuned one.
        comparison: What changed in tasks with a target.
        biographies: What changed in made-up people.
    """

    base: RunResult
    tuned: RunResult
    comparison: Comparison
    biographies: BiographyComparison


def evaluate(
    options: TuneOptions,
    sources: Sources,
    folders: tuple[Path, Path],
    progress: TuneProgress,
) -> Evaluated:
    """Measure both models on the recipe's tasks, exactly where they have a target.

    What an interrupted tuning has measured already is not measured again.

    Args:
        options: Model and settings.
        sources: What is measured.
        folders: Where the base model's results go, and the adapter's own folder.
        progress: Hears what is going on.
    """
    base_folder, output = folders
    progress.stage("Measuring the base model")
    base = _run(options, sources, base_folder, None, progress)
    progress.stage("Measuring the tuned model")
    tuned = _run(options, sources, output / TUNED_FOLDER, output, progress)
    return Evaluated(
        base=base,
        tuned=tuned,
        comparison=compare_results(base, tuned),
        biographies=compare_biographies(base, tuned),
    )


def _run(
    options: TuneOptions,
    sources: Sources,
    output: Path,
    adapter: Path | None,
    progress: TuneProgress,
) -> RunResult:
    # Biographies are drawn; every other task is chosen in its exact form already.
    closed = all(isinstance(task, TaskDefinition) for task in sources.evaluated)
    run_options = RunOptions(
        model=options.model,
        tasks=tuple(sources.recipe.evaluate),
        estimator="exact" if closed else "auto",
        device=options.device,
        dtype=options.dtype,
        adapter=adapter,
        revision=options.revision,
        output=output,
        resume=True,
        trust_remote_code=options.trust_remote_code,
    )
    result, _ = run_tasks(run_options, sources.evaluated, progress)
    return result
