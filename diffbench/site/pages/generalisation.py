"""Generalisation: what tuning on some families does to the others, a matrix a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from diffbench.compare import MetricVerdict, common_name
from diffbench.site.board import Block, Board, Tuned
from diffbench.site.display import Word, overall_word
from diffbench.site.page import Page
from diffbench.site.scope import ScopeSplit
from diffbench.site.studies import study_unit
from diffbench.site.suites import short_family
from diffbench.tuning.study_record import StudyName, StudyRecord

__all__ = ["generalisation_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One family (or task) after one training; `trained` is None where that is unknown."""

    before: float
    after: float
    trained: bool | None
    word: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One training, and all families (or tasks) after it."""

    tuned: Tuned
    training: str
    cells: Sequence[MatrixCell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRow:
    """Means over the trainings that left each column out, or that had it in."""

    title: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One base model's study, in one split."""

    study: StudyName
    block: Block
    split: ScopeSplit
    columns: Sequence[tuple[str, str]]
    before: Sequence[float | None]
    rows: Sequence[MatrixRow]
    means: Sequence[MeanRow]


def generalisation_page(boards: Sequence[Board], studies: Sequence[StudyRecord]) -> Page:
    """Return the page of every study among the results.

    Args:
        boards: Runs; those whose recipe is of a study make its matrix.
        studies: Tables that were found to follow from the results.
    """
    matrices = [
        matrix
        for board in boards
        for block in board.blocks
        for study in get_args(StudyName)
        for matrix in _matrices(study, block)
    ]
    return Page(
        path="generalisation.html",
        template="generalisation.html",
        here="generalisation.html",
        context={
            "matrices": matrices,
            "n_tables": len(studies),
            "n_values": sum(
                2 * len(cell.metrics) for study in studies for cell in study.cells
            ),
        },
    )


def _matrices(study: StudyName, block: Block) -> Iterator[Matrix]:
    members = [one for one in block.tuned if (one.run.recipe or "").startswith(f"{study}/")]
    members.sort(key=lambda one: (one.run.recipe or "", one.run.slug))
    splits: tuple[ScopeSplit, ...] = ("train", "held_out")
    for split in splits:
        verdicts = [one for tuned in members for one in _known(tuned) if one.split == split]
        titles = {
            study_unit(study, one.task, one.family): one.title
            if study == "cross-range"
            else short_family(one.family)
            for one in verdicts
        }
        if not titles:
            continue
        rows = [_row(study, tuned, split, sorted(titles)) for tuned in members]
        yield Matrix(
            study=study,
            block=block,
            split=split,
            columns=sorted(titles.items()),
            before=[_first(rows, i) for i in range(len(titles))],
            rows=rows,
            means=list(_means(rows, len(titles))),
        )


def _known(tuned: Tuned) -> list[MetricVerdict]:
    found = () if tuned.verdicts is None else tuned.verdicts.tasks
    return [one for one in found if one.before is not None and one.after is not None]


def _row(
    study: StudyName, tuned: Tuned, split: ScopeSplit, units: Sequence[str]
) -> MatrixRow:
    cells = []
    for unit in units:
        mine = [
            one
            for one in _known(tuned)
            if one.split == split and study_unit(study, one.task, one.family) == unit
        ]
        cells.append(_cell(mine, _was_trained(study, tuned, unit)) if mine else None)
    training = (tuned.run.recipe or "").removeprefix(f"{study}/")
    return MatrixRow(tuned=tuned, training=training, cells=cells)


def _was_trained(study: StudyName, tuned: Tuned, unit: str) -> bool | None:
    """Return whether a training had a unit in: as its record or its name says."""
    record, named = tuned.run.record, (tuned.run.recipe or "").rpartition("/")[2]
    if record is not None:
        trained = {common_name(prompt.task) for prompt in record.prompts}
        return any(
            common_name(one.task) in trained
            for one in _known(tuned)
            if study_unit(study, one.task, one.family) == unit
        )
    if study in ("cross-range", "instructed"):
        return None
    return (unit == named) == (study == "leave-one-in")


def _cell(verdicts: Sequence[MetricVerdict], trained: bool | None) -> MatrixCell:
    return MatrixCell(
        before=_mean([one.before for one in verdicts]),
        after=_mean([one.after for one in verdicts]),
        trained=trained,
        word=overall_word(verdicts),
    )


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


def _first(rows: Sequence[MatrixRow], column: int) -> float | None:
    """Return the untuned value, if all trainings were compared with the same tasks."""
    cells = [cell for row in rows if (cell := row.cells[column]) is not None]
    values = {cell.before for cell in cells}
    return values.pop() if len(values) == 1 else None


def _means(rows: Sequence[MatrixRow], n_columns: int) -> Iterator[MeanRow]:
    for title, trained in (("mean, left out", False), ("mean, trained", True)):
        values = [_over(rows, column, trained) for column in range(n_columns)]
        if any(value is not None for value in values):
            yield MeanRow(title=title, values=values)


def _over(rows: Sequence[MatrixRow], column: int, trained: bool) -> float | None:
    """Return a column's mean over the trainings that had it in, or that did not."""
    cells = [cell for row in rows if (cell := row.cells[column]) is not None]
    values = [cell.after for cell in cells if cell.trained is trained]
    return _mean(values) if values else None
