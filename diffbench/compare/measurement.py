"""What a comparison needs of a result: numbers, and the names of what was asked.

A results file and a committed baseline both become this. It holds no reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffbench.metrics import FloatArray, IntArray, TargetArrays
from diffbench.results import (
    EstimatorLabel,
    ModelInfo,
    PromptResult,
    RunResult,
    RunSettings,
    TaskResult,
)

__all__ = [
    "MeasuredPrompt",
    "MeasuredTask",
    "Measurement",
    "measurement_of",
    "target_arrays",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredPrompt:
    """One prompt: probabilities, or counts, and never both.

    Attributes:
        id: Its name within the task.
        sha256: Hash of its text.
        probabilities: Shape (K,), exact probabilities of the outcomes.
        counts: Shape (K,), replies that are each outcome.
        n_invalid: Replies that are no outcome; 0 where probabilities are known.
    """

    id: str
    sha256: str
    probabilities: FloatArray | None
    counts: IntArray | None
    n_invalid: int

    @property
    def n(self) -> int:
        """Number of replies; 0 where probabilities are known."""
        return 0 if self.counts is None else int(self.counts.sum()) + self.n_invalid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredTask:
    """One task; `target` is None in a baseline, which names it by its hash alone."""

    name: str
    title: str
    family: str
    split: Literal["train", "held_out"]
    version: str
    estimator: EstimatorLabel
    target_sha256: str
    target: TargetArrays | None
    prompts: Sequence[MeasuredPrompt]

    @property
    def sampled(self) -> bool:
        """Whether the numbers rest on replies."""
        return self.estimator == "sampled"

    @property
    def n(self) -> int | None:
        """Replies of the prompt that has the fewest; None where values are exact."""
        return min(prompt.n for prompt in self.prompts) if self.sampled else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """All that was measured of one model, and with what.

    Attributes:
        model: Which model.
        settings: What decides the numbers besides model and tasks.
        packages: Versions of the libraries.
        hardware: The machine, in words.
        independent: Whether replies are known to be independent draws.
        noise_floor: Largest change of a metric that the arithmetic alone has made, by
            metric, where that was measured.
        tasks: In the order of the file.
    """

    model: ModelInfo
    settings: RunSettings
    packages: Mapping[str, str]
    hardware: str
    independent: bool
    noise_floor: Mapping[str, float]
    tasks: Sequence[MeasuredTask]


def measurement_of(result: RunResult) -> Measurement:
    """Return what a comparison needs of a results file."""
    independence = result.run.independence
    return Measurement(
        model=result.model,
        settings=result.settings,
        packages=result.run.packages,
        hardware=result.run.hardware,
        independent=independence is None or independence.verdict != "unproven",
        noise_floor={},
        tasks=[_task(task) for task in result.tasks],
    )


def target_arrays(task: TaskResult) -> TargetArrays:
    """Return the target of a task of a results file."""
    target = task.target
    return TargetArrays(
        p=np.asarray(target.probabilities, dtype=np.float64),
        values=None if target.values is None else np.asarray(target.values),
        listed_mass=target.listed_mass,
    )


def _task(task: TaskResult) -> MeasuredTask:
    return MeasuredTask(
        name=task.name,
        title=task.title,
        family=task.family,
        split=task.split,
        version=task.version,
        estimator=task.estimator,
        target_sha256=task.target.sha256,
        target=target_arrays(task),
        prompts=[_prompt(prompt) for prompt in task.prompts],
    )


def _prompt(prompt: PromptResult) -> MeasuredPrompt:
    counted = prompt.counts is not None
    return MeasuredPrompt(
        id=prompt.id,
        sha256=prompt.prompt_sha256,
        probabilities=None if prompt.probabilities is None else _floats(prompt),
        counts=np.asarray(prompt.counts, dtype=np.int64) if counted else None,
        n_invalid=round(sum(prompt.invalid.values())) if counted else 0,
    )


def _floats(prompt: PromptResult) -> FloatArray:
    return np.asarray(prompt.probabilities, dtype=np.float64)
