"""study.json: the table of a generalisation study, as it is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import ValidationError

from diffbench.errors import ResultError, printable
from diffbench.results.schema import Finite, Record

__all__ = [
    "STUDY_NAME",
    "CellRecord",
    "DeltaRecord",
    "RowRecord",
    "StateValues",
    "StudyName",
    "StudyRecord",
    "load_study",
]

STUDY_NAME = "study.json"

StudyName: TypeAlias = Literal["leave-one-out", "leave-one-in", "cross-range", "instructed"]

_Split = Literal["train", "held_out"]


class DeltaRecord(Record):
    """A metric before and after."""

    before: Finite | None
    after: Finite | None


class CellRecord(Record):
    """One family (or task) after one training."""

    recipe: str
    unit: str
    split: _Split
    trained: bool
    metrics: dict[str, DeltaRecord]


class StateValues(Record):
    """A metric untuned, mean over trainings that left the unit out, and that had it in."""

    untuned: Finite | None
    left_out: Finite | None
    trained: Finite | None


class RowRecord(Record):
    """One family (or task) over all trainings."""

    unit: str
    split: _Split
    values: dict[str, StateValues]


class StudyRecord(Record):
    """All of `study.json`."""

    study: StudyName
    cells: list[CellRecord]
    rows: list[RowRecord]


def load_study(folder: Path) -> StudyRecord | None:
    """Read a folder's `study.json`; None if there is none.

    Raises:
        ResultError: If it is damaged or not one.
    """
    path = folder / STUDY_NAME
    if not path.exists():
        return None
    try:
        return StudyRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ResultError(
            f"{path}: not a study's table of this version ({printable(error, 200)})"
        ) from None
