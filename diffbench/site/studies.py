"""A study's table against its results files: every value in it is computed again.

The pages take their numbers from the results files, which are verified. The table says
which trainings belong together; one that does not follow from these files is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from diffbench.compare import TaskDelta, common_name, compare_results
from diffbench.errors import ResultError, printable
from diffbench.results import PACKED_NAME, RESULTS_NAME, RunResult
from diffbench.tuning.options import BASE_FOLDER, TUNED_FOLDER
from diffbench.tuning.record import TuneRecord
from diffbench.tuning.study_record import CellRecord, RowRecord, StudyRecord

__all__ = ["check_study", "study_unit"]

_RELATIVE = 1e-9
_ABSOLUTE = 1e-12


def study_unit(study: str, task: str, family: str) -> str:
    """Return what a column of a study's table is: a family, or a single task."""
    return task if study == "cross-range" else family


def check_study(
    study: StudyRecord,
    folder: Path,
    runs: Mapping[Path, RunResult],
    records: Mapping[str, TuneRecord],
) -> list[str]:
    """Return one sentence for each value that does not follow from the results files.

    Args:
        study: The table.
        folder: Where it lies, its trainings in folders beneath.
        runs: Sound results by resolved path.
        records: Tuning records by the hash of their adapter.
    """
    base = _at(folder / BASE_FOLDER, runs)
    if base is None:
        return [f"{BASE_FOLDER} holds no sound results to check it against"]
    problems: list[str] = []
    for recipe in dict.fromkeys(cell.recipe for cell in study.cells):
        name = recipe.rpartition("/")[2]
        tuned = _at(folder / name / TUNED_FOLDER, runs)
        cells = [cell for cell in study.cells if cell.recipe == recipe]
        if tuned is None or recipe != f"{study.study}/{name}":
            problems.append(f"no sound results of {printable(recipe, 60)} lie beside it")
        else:
            problems += _check_cells(study.study, cells, base, tuned, records)
    return problems or list(_check_rows(study))


def _at(folder: Path, runs: Mapping[Path, RunResult]) -> RunResult | None:
    for name in (RESULTS_NAME, PACKED_NAME):
        found = runs.get((folder / name).resolve())
        if found is not None:
            return found
    return None


def _check_cells(
    study: str,
    cells: Sequence[CellRecord],
    base: RunResult,
    tuned: RunResult,
    records: Mapping[str, TuneRecord],
) -> Iterator[str]:
    try:
        deltas = compare_results(base, tuned).tasks
    except ResultError as error:
        yield f"{printable(cells[0].recipe, 60)}: {error}"
        return
    adapter = tuned.model.adapter
    record = None if adapter is None else records.get(adapter.sha256)
    prompts = () if record is None else record.prompts
    trained = {common_name(prompt.task) for prompt in prompts}
    units = {
        study_unit(study, one.name, one.family)
        for one in deltas
        if common_name(one.name) in trained
    }
    for cell in cells:
        mine = [
            one
            for one in deltas
            if one.split == cell.split
            and study_unit(study, one.name, one.family) == cell.unit
        ]
        where = printable(f"{cell.recipe}, {cell.unit}, {cell.split}", 120)
        if not mine:
            yield f"{where}: the results have no such tasks"
        elif record is None:
            yield f"{where}: no tuning record tells whether it was trained"
        elif cell.trained != (cell.unit in units):
            yield f"{where}: its tuning record says otherwise of what was trained"
        else:
            yield from _check_cell(where, cell, mine)


def _check_cell(where: str, cell: CellRecord, tasks: Sequence[TaskDelta]) -> Iterator[str]:
    for metric, stored in cell.metrics.items():
        if any(metric not in task.metrics for task in tasks):
            yield f"{where}: there is no metric {printable(metric, 40)}"
            continue
        deltas = [task.metrics[metric] for task in tasks]
        before = _mean([one.before for one in deltas])
        after = _mean([one.after for one in deltas])
        if not (_agree(stored.before, before) and _agree(stored.after, after)):
            yield (
                f"{where}: {metric} is {stored.before} → {stored.after} in the table but "
                f"{before} → {after} in the results"
            )


def _check_rows(study: StudyRecord) -> Iterator[str]:
    for row in study.rows:
        mine = [c for c in study.cells if (c.unit, c.split) == (row.unit, row.split)]
        for metric in row.values:
            if not _row_follows(row, metric, mine):
                where = printable(f"{row.unit}, {row.split}, {metric}", 120)
                yield f"{where}: the row does not follow from the cells"


def _row_follows(row: RowRecord, metric: str, cells: Sequence[CellRecord]) -> bool:
    if not cells or any(metric not in cell.metrics for cell in cells):
        return False
    values = [(cell.trained, cell.metrics[metric]) for cell in cells]
    stored = row.values[metric]
    return (
        _agree(stored.untuned, values[0][1].before)
        and _agree(stored.left_out, _mean([one.after for had, one in values if not had]))
        and _agree(stored.trained, _mean([one.after for had, one in values if had]))
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _agree(stored: float | None, computed: float | None) -> bool:
    if stored is None or computed is None:
        return stored is computed
    return math.isclose(stored, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
