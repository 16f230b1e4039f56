"""A task's distribution read back from a results file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffbench.metrics import top_ratio
from diffbench.results.schema import PromptResult, TaskResult

__all__ = ["mean_distribution", "most_overdrawn"]


def mean_distribution(task: TaskResult) -> NDArray[np.float64]:
    """Return (K,): the model's probability of each outcome, mean over prompts."""
    rows = [_distribution(prompt) for prompt in task.prompts]
    return np.asarray(np.mean(rows, axis=0), dtype=np.float64)


def most_overdrawn(task: TaskResult) -> tuple[str, float] | None:
    """Return the outcome that the task draws most too often, and how many times.

    The ratio is that of the mean distribution to the target (renormalised to the listed
    outcomes where the target lists only a part). None if nothing valid was drawn.
    """
    q = mean_distribution(task)
    if not q.any():
        return None
    p = np.asarray(task.target.probabilities)
    listed = task.target.listed_mass
    found = top_ratio(p, q / q.sum() if listed < 1 else q)
    return task.target.outcomes[found.index], found.ratio


def _distribution(prompt: PromptResult) -> NDArray[np.float64]:
    if prompt.probabilities is not None:
        return np.asarray(prompt.probabilities)
    counts = np.asarray(prompt.counts or [], dtype=np.float64)
    return np.asarray(counts / (counts.sum() + sum(prompt.invalid.values())))
