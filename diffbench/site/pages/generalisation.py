"""Leave-one-out: what tuning on all families but one does to the one left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffbench.compare import MetricVerdict
from diffbench.site.board import Block, Board, Tuned
from diffbench.site.display import Word, overall_word
from diffbench.site.page import Page
from diffbench.site.scope import ScopeSplit

__all__ = ["generalisation_page"]

_STUDY = "leave-one-out/"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One family after one training."""

    before: float
    after: float
    left_out: bool
    word: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One training: the family that it left out, and all families after it."""

    tuned: Tuned
    left_out: str
    cells: Sequence[MatrixCell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One base model's study, in one split."""

    block: Block
    split: ScopeSplit
    families: Sequence[str]
    before: Sequence[float | None]
    rows: Sequence[MatrixRow]


def generalisation_page(boards: Sequence[Board]) -> Page:
    """Return the page of every leave-one-out study among the results."""
    matrices = [
        matrix for board in boards for block in board.blocks for matrix in _matrices(block)
    ]
    return Page(
        path="generalisation.html",
        template="generalisation.html",
        here="generalisation.html",
        context={"matrices": matrices},
    )


def _matrices(block: Block) -> Iterator[Matrix]:
    members = [one for one in block.tuned if (one.run.recipe or "").startswith(_STUDY)]
    members.sort(key=lambda one: (one.run.recipe or "", one.run.slug))
    splits: tuple[ScopeSplit, ...] = ("train", "held_out")
    for split in splits:
        verdicts = [one for tuned in members for one in _known(tuned) if one.split == split]
        families = sorted({one.family for one in verdicts})
        if not families:
            continue
        rows = [_row(tuned, split, families) for tuned in members]
        yield Matrix(
            block=block,
            split=split,
            families=families,
            before=[_first(rows, i) for i in range(len(families))],
            rows=rows,
        )


def _known(tuned: Tuned) -> list[MetricVerdict]:
    found = () if tuned.verdicts is None else tuned.verdicts.tasks
    return [one for one in found if one.before is not None and one.after is not None]


def _row(tuned: Tuned, split: ScopeSplit, families: Sequence[str]) -> MatrixRow:
    left_out = (tuned.run.recipe or "").removeprefix(_STUDY)
    cells = []
    for family in families:
        mine = [one for one in _known(tuned) if (one.family, one.split) == (family, split)]
        cells.append(_cell(mine, family == left_out) if mine else None)
    return MatrixRow(tuned=tuned, left_out=left_out, cells=cells)


def _cell(verdicts: Sequence[MetricVerdict], left_out: bool) -> MatrixCell:
    return MatrixCell(
        before=_mean([one.before for one in verdicts]),
        after=_mean([one.after for one in verdicts]),
        left_out=left_out,
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
