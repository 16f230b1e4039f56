"""Measurements made of plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from diffbench.compare import MeasuredPrompt, MeasuredTask, Measurement, measurement_of
from diffbench.metrics import IntArray, TargetArrays
from tests.results.factory import make_run

__all__ = ["drawn", "measured", "scored"]

_SHA = "0" * 64


def measured(*tasks: MeasuredTask, **changes: Any) -> Measurement:
    """Everything but the tasks as in a small run; `changes` are of its settings."""
    base = _small_run()
    settings = base.settings.model_copy(update=changes)
    return replace(base, tasks=list(tasks), settings=settings)


@cache
def _small_run() -> Measurement:
    return measurement_of(make_run())


def drawn(
    target: TargetArrays, *rows: IntArray | Sequence[int], **fields: Any
) -> MeasuredTask:
    """A task from replies: for each prompt (K + 1,) counts, the last of invalid ones."""
    prompts = [
        MeasuredPrompt(
            id=f"p{i}",
            sha256=_SHA,
            probabilities=None,
            counts=np.asarray(row[:-1], dtype=np.int64),
            n_invalid=int(row[-1]),
        )
        for i, row in enumerate(rows)
    ]
    return _task(target, prompts, "sampled", fields)


def scored(target: TargetArrays, *rows: Sequence[float], **fields: Any) -> MeasuredTask:
    """A task measured exactly: for each prompt (K,) probabilities."""
    prompts = [
        MeasuredPrompt(
            id=f"p{i}",
            sha256=_SHA,
            probabilities=np.asarray(row, dtype=np.float64),
            counts=None,
            n_invalid=0,
        )
        for i, row in enumerate(rows)
    ]
    return _task(target, prompts, "exact", fields)


def _task(
    target: TargetArrays, prompts: list[MeasuredPrompt], label: Any, fields: dict[str, Any]
) -> MeasuredTask:
    stated: dict[str, Any] = {
        "name": "coin",
        "title": "A coin",
        "family": "coins",
        "split": "train",
        "version": "1.0",
        "estimator": label,
        "target_sha256": _SHA,
        "target": target,
        "prompts": prompts,
    }
    return MeasuredTask(**{**stated, **fields})
