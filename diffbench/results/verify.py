"""Compute every published number of a results file again, from the file alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from diffbench.results.compute import (
    family_aggregates,
    mean_metrics,
    metrics_from_counts,
    metrics_from_probabilities,
    overall_aggregate,
)
from diffbench.results.schema import MetricEntry, PromptResult, RunResult, TaskResult
from diffbench.targets import Target

__all__ = ["verify_result"]

# Room for another platform's log and exp; a wrong number is never this near.
_RELATIVE = 1e-9
_ABSOLUTE = 1e-12


def verify_result(result: RunResult) -> list[str]:
    """Return one sentence for each number that does not follow from the file."""
    problems = [problem for task in result.tasks for problem in _check_task(task)]
    families = family_aggregates(result.tasks)
    if [f.name for f in families] != [f.name for f in result.families]:
        problems.append("families: not those of the tasks")
        return problems
    for stored, computed in zip(result.families, families, strict=True):
        problems += _differences(f"family {stored.name}", stored.metrics, computed.metrics)
    overall = overall_aggregate(families)
    problems += _differences("overall", result.overall.metrics, overall.metrics)
    return problems


def _check_task(task: TaskResult) -> Iterator[str]:
    target = Target(
        outcomes=tuple(task.target.outcomes),
        probabilities=tuple(task.target.probabilities),
        aliases=tuple(tuple(names) for names in task.target.aliases),
        values=None if task.target.values is None else tuple(task.target.values),
        listed_mass=task.target.listed_mass,
    )
    if target.sha256 != task.target.sha256:
        yield f"task {task.name}: the target does not match its sha256"
    for prompt in task.prompts:
        where = f"task {task.name}, prompt {prompt.id}"
        if prompt.target_sha256 != target.sha256:
            yield f"{where}: measured against another target"
        computed = _prompt_metrics(task, prompt)
        if computed is None:
            yield f"{where}: has neither probabilities nor counts of the target's size"
        else:
            yield from _differences(where, prompt.metrics, computed)
    means = mean_metrics([prompt.metrics for prompt in task.prompts])
    yield from _differences(f"task {task.name}", task.metrics, means)


def _prompt_metrics(
    task: TaskResult, prompt: PromptResult
) -> dict[str, MetricEntry] | None:
    size = len(task.target.outcomes)
    if prompt.counts is not None and len(prompt.counts) == size:
        n_invalid = int(sum(prompt.invalid.values()))
        return metrics_from_counts(task.target, prompt.counts, n_invalid)
    if prompt.probabilities is not None and len(prompt.probabilities) == size:
        return metrics_from_probabilities(task.target, prompt.probabilities)
    return None


def _differences(
    where: str,
    stored: Mapping[str, MetricEntry],
    computed: Mapping[str, MetricEntry],
) -> Iterator[str]:
    for name in dict.fromkeys([*stored, *computed]):
        if name not in stored or name not in computed:
            yield f"{where}: {name} is {'missing' if name not in stored else 'unknown'}"
            continue
        if not _agree(stored[name].value, computed[name].value):
            yield (
                f"{where}: {name} is {stored[name].value} in the file but "
                f"{computed[name].value} when computed again"
            )


def _agree(stored: float | None, computed: float | None) -> bool:
    if stored is None or computed is None:
        return stored is computed
    return math.isclose(stored, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
