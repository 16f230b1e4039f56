"""Studies on the board: matrices from the results, and tables that must agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from diffbench.results import RunResult, write_results
from diffbench.site import build_site, read_inputs
from diffbench.site.board import make_boards
from diffbench.site.pages.generalisation import Matrix, generalisation_page
from diffbench.site.runs import make_runs
from diffbench.tuning.record import write_record
from tests.site.many import base_run, record_of, task_name, tuned_run

BASE = base_run("a/one", 0.05)
FAMILIES = ("fruits", "names", "numbers")
TRAINED: dict[str, dict[str, tuple[str, ...]]] = {
    "leave-one-out": {"fruits": ("names", "numbers"), "names": ("fruits", "numbers")},
    "leave-one-in": {"fruits": ("fruits",), "names": ("names",)},
    "cross-range": {"1-10": ("numbers",), "both": ("numbers", "names")},
    "instructed": {"choices": ("fruits",), "laws": ("names", "numbers")},
}


def _tuned(study: str) -> dict[str, RunResult]:
    return {
        name: tuned_run("a/one", f"{study}/{name}", 0.5 + number, 10 * len(study) + number)
        for number, name in enumerate(TRAINED[study])
    }


def _overlap(run: RunResult, family: str, split: str) -> float:
    values = [
        task.metrics["overlap"].value
        for task in run.tasks
        if (task.family, task.split) == (family, split)
    ]
    return fmean(value for value in values if value is not None)


def _table(study: str) -> dict[str, Any]:
    """What `diffbench tune --study` would write, of overlap alone."""
    cells: list[dict[str, Any]] = [
        {
            "recipe": f"{study}/{name}", "split": split, "trained": family in had,
            "unit": family if study != "cross-range" else task_name(family, split),
            "metrics": {"overlap": {
                "before": _overlap(BASE, family, split),
                "after": _overlap(_tuned(study)[name], family, split),
            }},
        }
        for name, had in TRAINED[study].items()
        for split in ("train", "held_out")
        for family in FAMILIES
    ]  # fmt: skip
    if study == "cross-range":
        for cell in cells:
            cell["trained"] = cell["trained"] and cell["split"] == "train"
    rows = []
    for unit, split in dict.fromkeys((cell["unit"], cell["split"]) for cell in cells):
        mine = [cell for cell in cells if (cell["unit"], cell["split"]) == (unit, split)]
        after = {
            had: [c["metrics"]["overlap"]["after"] for c in mine if c["trained"] == had]
            for had in (True, False)
        }
        states = {
            "untuned": mine[0]["metrics"]["overlap"]["before"],
            "left_out": fmean(after[False]) if after[False] else None,
            "trained": fmean(after[True]) if after[True] else None,
        }
        rows.append({"unit": unit, "split": split, "values": {"overlap": states}})
    return {"study": study, "cells": cells, "rows": rows}


def _write_study(folder: Path, study: str, table: dict[str, Any] | None = None) -> Path:
    write_results(folder / "base", BASE)
    for name, run in _tuned(study).items():
        write_results(folder / name / "tuned", run)
        assert run.model.adapter is not None
        tasks = [task_name(family) for family in TRAINED[study][name]]
        record = record_of(run.model.adapter.sha256, recipe=f"{study}/{name}", tasks=tasks)
        write_record(folder / name, record)
    (folder / "study.json").write_text(json.dumps(table or _table(study)))
    return folder


def _matrices(folder: Path) -> list[Matrix]:
    inputs = read_inputs([folder])
    boards = make_boards(make_runs(inputs))
    found = generalisation_page(boards, inputs.studies).context["matrices"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("study", TRAINED)
def test_a_study_is_read_checked_and_shown(tmp_path: Path, study: str) -> None:
    _write_study(tmp_path, study)
    inputs = read_inputs([tmp_path])
    assert [one.study for one in inputs.studies] == [study]
    assert not inputs.refused
    train, held_out = _matrices(tmp_path)
    assert (train.study, train.split, held_out.split) == (study, "train", "held_out")
    for matrix, split in ((train, "train"), (held_out, "held_out")):
        for column, family in enumerate(FAMILIES):
            assert matrix.before[column] == pytest.approx(_overlap(BASE, family, split))
        for row in matrix.rows:
            run = _tuned(study)[row.training]
            for family, cell in zip(FAMILIES, row.cells, strict=True):
                assert cell is not None
                assert cell.after == pytest.approx(_overlap(run, family, split))
                had = family in TRAINED[study][row.training]
                # A range that is held out is a task of its own.
                assert cell.trained is (
                    had and (study != "cross-range" or split == "train")
                )


def test_means_are_those_of_the_table(tmp_path: Path) -> None:
    _write_study(tmp_path, "leave-one-out")
    rows = {(one["unit"], one["split"]): one for one in _table("leave-one-out")["rows"]}
    for matrix in _matrices(tmp_path):
        shown = {row.title: row.values for row in matrix.means}
        for column, family in enumerate(FAMILIES):
            stated = rows[family, matrix.split]["values"]["overlap"]
            for title, state in (("left out", "left_out"), ("trained", "trained")):
                value = shown[f"mean, {title}"][column]
                assert value == (
                    None if stated[state] is None else pytest.approx(stated[state])
                )


def test_without_records_the_names_of_recipes_tell(tmp_path: Path) -> None:
    for number, run in enumerate((BASE, *_tuned("leave-one-out").values())):
        write_results(tmp_path / str(number), run)
    inputs = read_inputs([tmp_path])
    assert not inputs.studies
    rows = _matrices(tmp_path)[0].rows
    marks = {row.training: [cell and cell.trained for cell in row.cells] for row in rows}
    assert marks == {"fruits": [False, True, True], "names": [True, False, True]}


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("cells", 0, "metrics", "overlap", "after"), 0.99, "in the table but"),
        (("cells", 4, "metrics", "overlap", "before"), None, "in the table but"),
        (("cells", 0, "trained"), True, "says otherwise of what was trained"),
        (("cells", 0, "unit"), "<b>", "the results have no such tasks"),
        (("cells", 0, "recipe"), "leave-one-out/../x", "no sound results of"),
        (
            ("rows", 1, "values", "overlap", "trained"),
            0.5,
            "does not follow from the cells",
        ),
        (("rows", 0, "unit"), "cities", "does not follow from the cells"),
        (("study",), "made-up", "not a study's table"),
    ],
)
def test_a_table_that_does_not_follow_is_refused(
    tmp_path: Path, where: tuple[Any, ...], value: object, says: str
) -> None:
    table = _table("leave-one-out")
    place: Any = table
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    _write_study(tmp_path / "study", "leave-one-out", table)
    inputs = read_inputs([tmp_path])
    assert not inputs.studies
    (refused,) = inputs.refused
    assert refused.name == "study/study.json"
    assert says in refused.reason
    # The results are sound, and so is what is made of them.
    assert len(inputs.submissions) == 3
    assert _matrices(tmp_path)


def test_a_table_without_its_results_is_refused(tmp_path: Path) -> None:
    _write_study(tmp_path, "leave-one-out")
    (tmp_path / "names" / "tuned" / "results.json").write_text("{")
    reasons = {one.path.name: one.reason for one in read_inputs([tmp_path]).refused}
    assert set(reasons) == {"results.json", "study.json"}
    assert "no sound results of leave-one-out/names" in reasons["study.json"]


def test_the_page_says_what_its_numbers_rest_on(tmp_path: Path) -> None:
    for study in TRAINED:
        _write_study(tmp_path / "in" / study, study)
    site = build_site([tmp_path / "in"], tmp_path / "site", jobs=1).output
    text = (site / "generalisation.html").read_text()
    assert len(re.findall("<h2>", text)) == 8
    assert "4 <code>study.json</code> lie beside these results: all 96 values" in text
    # Two left out of three families twice; one family alone; one and two ranges; one
    # kind and two.
    badges = re.findall(r'left-out"><span class="badge">(.*?)</span>', text)
    assert sorted(badges) == ["left out"] * 4 + ["trained"] * (4 + 3 + 6)
