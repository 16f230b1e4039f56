"""Runs as the pages need them: targets shared, and no number that no page shows."""

from __future__ import annotations

from diffbench.metrics import PRIMARY_METRIC
from diffbench.results import RunResult
from diffbench.results.schema import TargetRecord

__all__ = ["for_pages", "with_shared_targets"]


def with_shared_targets(result: RunResult, known: dict[str, TargetRecord]) -> RunResult:
    """Let runs of the same tasks share their targets."""
    tasks = []
    for task in result.tasks:
        shared = known.setdefault(task.target.sha256, task.target)
        same = shared is not task.target and shared == task.target
        tasks.append(task.model_copy(update={"target": shared}) if same else task)
    return result.model_copy(update={"tasks": tasks})


def for_pages(result: RunResult) -> RunResult:
    """Leave the prompts' metrics out that no page shows: half of all that a run holds."""
    tasks = []
    for task in result.tasks:
        prompts = [
            prompt.model_copy(
                update={"metrics": {PRIMARY_METRIC: prompt.metrics[PRIMARY_METRIC]}}
            )
            for prompt in task.prompts
        ]
        tasks.append(task.model_copy(update={"prompts": prompts}))
    return result.model_copy(update={"tasks": tasks})
