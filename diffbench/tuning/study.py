"""What tuning on some families does to others: several trainings and one table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal, get_args

from diffbench.compare import Delta, TaskDelta
from diffbench.errors import ResultError, printable
from diffbench.processes import is_first
from diffbench.results.files import write_atomic
from diffbench.tuning.options import TuneOptions, TuneProgress
from diffbench.tuning.recipe import recipe_names
from diffbench.tuning.study_record import STUDY_NAME, StudyName
from diffbench.tuning.tune import Tuned, tune_model

__all__ = ["STUDY_METRICS", "Study", "StudyCell", "StudyRow", "run_study"]

State = Literal["untuned", "left_out", "trained"]
STUDY_METRICS = ("overlap", "valid_mass", "entropy", "entropy_ratio", "coverage_100")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCell:
    """One family (or task) after one training.

    Attributes:
        recipe: The training.
        unit: The family; in the cross-range study the task.
        split: Trained prompts, or held-out ones.
        trained: Whether the unit was trained.
        metrics: Mean over the unit's tasks, before and after.
    """

    recipe: str
    unit: str
    split: Literal["train", "held_out"]
    trained: bool
    metrics: Mapping[str, Delta]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One family (or task): each metric untuned, when left out, and when trained.

    Values are means over the trainings of that kind; None where there is none.
    """

    unit: str
    split: Literal["train", "held_out"]
    values: Mapping[str, Mapping[State, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A finished study."""

    name: StudyName
    output: Path
    cells: Sequence[StudyCell]
    rows: Sequence[StudyRow]


def run_study(name: StudyName, options: TuneOptions, progress: TuneProgress) -> Study:
    """Train and measure every recipe of a study; what is done already is kept.

    Args:
        name: The study; its recipes have its name before theirs.
        options: Model and settings; their recipe is not used.
        progress: Hears what is going on.

    Raises:
        DiffBenchError: As for `tune_model`, or without an output folder.
    """
    if name not in get_args(StudyName):
        raise ResultError(f"there is no study {printable(name)!r}")
    if options.output is None:
        raise ResultError("a study takes long; give it a folder to go on in: --output DIR")
    recipes = [recipe for recipe in recipe_names() if recipe.startswith(f"{name}/")]
    cells: list[StudyCell] = []
    for number, recipe in enumerate(recipes, start=1):
        progress.stage(f"Training {number} of {len(recipes)}: {recipe}")
        one = replace(
            options,
            recipe=recipe,
            output=options.output / recipe.rpartition("/")[2],
            resume=True,
            evaluate=True,
        )
        tuned = tune_model(one, progress, base=options.output / "base")
        cells += _cells(name, recipe, tuned)
    study = Study(name=name, output=options.output, cells=cells, rows=list(_rows(cells)))
    if is_first():
        _write(study)
    return study


def _cells(name: StudyName, recipe: str, tuned: Tuned) -> Iterator[StudyCell]:
    assert tuned.comparison is not None
    trained = {prompt.task for prompt in tuned.record.prompts}
    groups: dict[tuple[str, Literal["train", "held_out"]], list[TaskDelta]] = {}
    for task in tuned.comparison.tasks:
        unit = task.name if name == "cross-range" else task.family
        groups.setdefault((unit, task.split), []).append(task)
    units = {
        task.name if name == "cross-range" else task.family
        for task in tuned.comparison.tasks
        if task.name in trained
    }
    for (unit, split), tasks in groups.items():
        yield StudyCell(
            recipe=recipe,
            unit=unit,
            split=split,
            trained=unit in units,
            metrics={metric: _mean_delta(tasks, metric) for metric in STUDY_METRICS},
        )


def _mean_delta(tasks: Sequence[TaskDelta], metric: str) -> Delta:
    return Delta(
        before=_mean([task.metrics[metric].before for task in tasks]),
        after=_mean([task.metrics[metric].after for task in tasks]),
    )


def _rows(cells: Sequence[StudyCell]) -> Iterator[StudyRow]:
    for split in ("train", "held_out"):
        for unit in dict.fromkeys(cell.unit for cell in cells if cell.split == split):
            mine = [cell for cell in cells if (cell.unit, cell.split) == (unit, split)]
            yield StudyRow(
                unit=unit,
                split=mine[0].split,
                values={metric: _states(mine, metric) for metric in STUDY_METRICS},
            )


def _states(cells: Sequence[StudyCell], metric: str) -> dict[State, float | None]:
    return {
        "untuned": cells[0].metrics[metric].before,
        "left_out": _mean([c.metrics[metric].after for c in cells if not c.trained]),
        "trained": _mean([c.metrics[metric].after for c in cells if c.trained]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _write(study: Study) -> None:
    content = {
        "study": study.name,
        "cells": [asdict(cell) for cell in study.cells],
        "rows": [asdict(row) for row in study.rows],
    }
    text = json.dumps(content, indent=1, allow_nan=False)
    write_atomic(study.output / STUDY_NAME, f"{text}\n".encode())
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["unit", "split", "metric", *get_args(State)])
    for row in study.rows:
        for metric, values in row.values.items():
            shown = ["" if v is None else repr(v) for v in values.values()]
            writer.writerow([row.unit, row.split, metric, *shown])
    write_atomic(study.output / "study.csv", table.getvalue().encode())
