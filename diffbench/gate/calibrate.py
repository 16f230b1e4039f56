"""How far arithmetic alone moves exact values: the same model in other batch sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

from diffbench.compare import MeasuredTask, Measurement, exact_values
from diffbench.errors import SettingsError
from diffbench.metrics import METRICS
from diffbench.options import RunOptions
from diffbench.results import RunResult

__all__ = ["calibration_options", "largest_changes"]

_BATCH_SIZES = (1, 7)
_SAFETY = 3.0
_DTYPES: dict[str, Literal["float32", "bfloat16", "float16"]] = {
    "float32": "float32",
    "bfloat16": "bfloat16",
    "float16": "float16",
}


def calibration_options(
    result: RunResult, model: str | None, adapter: Path | None, folder: Path
) -> Iterator[RunOptions]:
    """Return the runs that measure a result's exact tasks again, one a batch size.

    Raises:
        SettingsError: If nothing is exact, or the adapter's folder is not given.
    """
    names = tuple(task.name for task in result.tasks if task.estimator != "sampled")
    settings = result.settings
    if not names:
        raise SettingsError(
            "the result has no exact values to calibrate; leave --calibrate out"
        )
    if result.model.adapter is not None and adapter is None:
        raise SettingsError("the result's model has an adapter; name its folder: --adapter")
    for size in _BATCH_SIZES:
        yield RunOptions(
            model=model or result.model.spec,
            adapter=adapter,
            revision=result.model.revision if model is None else None,
            tasks=names,
            estimator="auto" if settings.estimator == "sample" else settings.estimator,
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            min_p=settings.min_p,
            limit=settings.limit,
            dtype=_DTYPES.get(result.model.dtype or "", "auto"),
            batch_size=size,
            output=folder / f"batch-{size}",
        )


def largest_changes(measured: Sequence[Measurement]) -> dict[str, float]:
    """Return three times the largest change of each metric between any two of them.

    Raises:
        SettingsError: If they are not of the same model and tasks.
    """
    if len({one.model.weights_fingerprint for one in measured}) > 1:
        raise SettingsError("the model measured again has other weights than the result's")
    largest = {metric.name: 0.0 for metric in METRICS}
    for one, other in combinations(measured, 2):
        there = {task.name: task for task in other.tasks}
        for task in one.tasks:
            if not task.sampled:
                _take_larger(largest, task, there[task.name])
    return {name: _SAFETY * change for name, change in largest.items()}


def _take_larger(
    largest: dict[str, float], task: MeasuredTask, other: MeasuredTask
) -> None:
    if task.target is None:
        raise ValueError("a result's task has its target")
    for name in largest:
        rows = [exact_values(one, task.target, name) for one in (task, other)]
        for old, new in zip(*rows, strict=True):
            if old.value is not None and new.value is not None:
                change = abs(new.value - old.value) / max(1.0, abs(old.value))
                largest[name] = max(largest[name], change)
