from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from diffbench.answers import VALUE_FIELDS
from diffbench.assets import asset_dir
from diffbench.errors import TaskError
from diffbench.suite import check_folder, shipped_catalog
from tests.suite.files import write

ROOT = Path(__file__).parents[2]
FOLDER = asset_dir("tasks") / "biographies"
CATALOG = shipped_catalog()
SOUND = """
task: people
class: !function diffbench.harness.biography.BiographyTask
metadata: {version: 1.0}
biography:
  title: People
  prompts: {train: [{id: ask, text: Make up a person}]}
"""


def test_shipped_biographies_ask_and_compare_alike() -> None:
    assert set(CATALOG.biographies) == {
        "diffbench_biographies",
        "diffbench_biographies_heldout",
    }
    trained, held_out = CATALOG.biographies.values()
    assert trained.prompts == held_out.prompts
    assert len(trained.measured_prompts) == len(held_out.measured_prompts) == 2
    assert {one.field for one in trained.references} <= set(VALUE_FIELDS)
    same = {
        "first_name": "diffbench_names_us",
        "birth_month": "diffbench_people_birth_month",
        "country": "diffbench_places_country",
    }
    for one in trained.references:
        asked = CATALOG.tasks[same[one.field]].target
        assert one.target.outcomes == asked.outcomes
        assert one.target.probabilities == asked.probabilities


def test_every_data_file_has_its_source_and_its_credit() -> None:
    sources = yaml.safe_load((FOLDER / "SOURCES.yml").read_text(encoding="utf-8"))
    assert {path.name for path in FOLDER.glob("*.csv")} == set(sources)
    for name, source in sources.items():
        content = (FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == source["sha256"]
        assert len(content.splitlines()) == source["rows"] + 1
    credit = CATALOG.biographies["diffbench_biographies"].source
    assert credit is not None
    assert credit.attribution in (ROOT / "ATTRIBUTION.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("People\n", "People\n  colour: red\n", "biography.colour: Extra inputs"),
        ("task: people", "task: a/b", "task: String should match"),
        ("BiographyTask", "DistributionTask", "class: got"),
        ("version: 1.0", "v: 1.0", "metadata.version: Field required"),
        ("train:", "held_out:", "the split train has no prompts"),
        ("{id: ask", "{id: ask, text: a}, {id: ask", "the id 'ask' is used twice"),
        ("title: People", "title: P\n  sketches: {csv: none.csv}", "none.csv: "),
        ("title: People", "title: P\n  references: {age: {}}", "references.age"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    write(tmp_path / "people.yaml", SOUND)
    assert check_folder(tmp_path) == []
    write(tmp_path / "people.yaml", SOUND.replace(old, new, 1))
    (problem,) = check_folder(tmp_path)
    assert message in problem


def test_broken_sketches_are_refused(tmp_path: Path) -> None:
    path = write(
        tmp_path / "people.yaml",
        SOUND.replace("title: People", "title: P\n  sketches: {csv: s.csv}"),
    )
    for content, message in (
        ("name,gender\n", "lists no sketch"),
        ("name,gender\nInes,{Female}\n", "begins no sketch"),
        ("name\nInes\n", "begins no sketch"),
        (b"\xff\xfe\n\xff", "utf-8"),
    ):
        write(tmp_path / "s.csv", content)
        with pytest.raises(TaskError, match=message):
            CATALOG.select([str(path)])


def test_two_tasks_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", SOUND)
    write(tmp_path / "b.yaml", SOUND.replace("Make up", "Invent"))
    (problem,) = check_folder(tmp_path)
    assert "already the name of another" in problem
