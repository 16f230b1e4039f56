"""A study: which trainings a row averages, resuming, and the files."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml
from rich.console import Console

from diffbench import TuneOptions, study
from diffbench.cli.study import print_study
from diffbench.errors import ResultError
from diffbench.results import load_results
from diffbench.site import read_inputs
from diffbench.tuning.study import Study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]

SHAPE = {
    "lora": {"rank": 2, "alpha": 4},
    "optimiser": {"learning_rate": 0.02},
    "passes": 3,
    "evaluate": [
        "diffbench_dates_weekday",
        "diffbench_numbers_odd_10",
        "diffbench_numbers_even_10",
        "diffbench_dates_weekday_heldout",
    ],
}
TRAINED = {
    "dates": ["diffbench_numbers_odd_10", "diffbench_numbers_even_10"],
    "numbers": ["diffbench_dates_weekday"],
}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    place = folder / "recipes" / "leave-one-out"
    place.mkdir(parents=True)
    for name, tasks in TRAINED.items():
        content = {**SHAPE, "title": name, "tasks": tasks}
        (place / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture(scope="module")
def found(recipes: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return _run(recipes, tmp_path_factory.mktemp("study") / "out")


def _run(recipes: Path, output: Path) -> Study:
    options = TuneOptions(model="demo", recipe="", output=output, retention=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diffbench.tuning.recipe.asset_dir", lambda kind: recipes)
        return study("leave-one-out", options)


def _overlap(folder: Path, family: str, split: str) -> float:
    values = [
        task.metrics["overlap"].value
        for task in load_results(folder).tasks
        if (task.family, task.split) == (family, split)
    ]
    return fmean(value for value in values if value is not None)


def test_each_family_is_shown_untuned_left_out_and_trained(found: Study) -> None:
    rows = {(row.unit, row.split): row.values["overlap"] for row in found.rows}
    assert set(rows) == {
        ("dates", "train"),
        ("numbers", "train"),
        ("dates", "held_out"),
    }
    for family, split in rows:
        trained = next(name for name in TRAINED if name != family)
        assert rows[family, split] == {
            "untuned": pytest.approx(_overlap(found.output / "base", family, split)),
            "left_out": pytest.approx(
                _overlap(found.output / family / "tuned", family, split)
            ),
            "trained": pytest.approx(
                _overlap(found.output / trained / "tuned", family, split)
            ),
        }


def test_the_base_model_is_measured_once(found: Study) -> None:
    assert sorted(path.name for path in found.output.iterdir()) == [
        "base",
        "dates",
        "numbers",
        "study.csv",
        "study.json",
    ]
    assert not (found.output / "dates" / "base").exists()


def test_the_files_hold_what_the_table_shows(found: Study) -> None:
    content: dict[str, Any] = json.loads((found.output / "study.json").read_text())
    assert content["rows"] == json.loads(json.dumps([_plain(row) for row in found.rows]))
    with (found.output / "study.csv").open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert len(lines) == sum(len(row.values) for row in found.rows)
    first = found.rows[0]
    assert float(lines[0]["trained"]) == first.values["overlap"]["trained"]
    file = StringIO()
    print_study(Console(file=file, width=80), found)
    assert "dates" in file.getvalue()
    assert f"{first.values['overlap']['trained']:.3f}" in file.getvalue()


def test_the_board_finds_that_its_table_follows_from_its_results(found: Study) -> None:
    inputs = read_inputs([found.output])
    assert not inputs.refused
    assert [one.study for one in inputs.studies] == ["leave-one-out"]


def _plain(row: Any) -> dict[str, Any]:
    return {"unit": row.unit, "split": row.split, "values": row.values}


def test_a_stopped_study_goes_on(found: Study, recipes: Path) -> None:
    made = {
        name: (found.output / name / "adapter_model.safetensors").stat().st_mtime_ns
        for name in TRAINED
    }
    (found.output / "study.json").unlink()
    again = _run(recipes, found.output)
    assert again.rows == found.rows
    for name, when in made.items():
        assert (
            found.output / name / "adapter_model.safetensors"
        ).stat().st_mtime_ns == when


def test_a_study_needs_a_folder() -> None:
    with pytest.raises(ResultError, match="--output"):
        study("cross-range", TuneOptions(model="demo", recipe=""))
