"""The natural tasks against the record of where their data come from."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from diffbench.assets import asset_dir
from diffbench.cli.output import percent
from diffbench.suite import TaskDefinition, shipped_catalog

ROOT = Path(__file__).parents[2]
FOLDER = asset_dir("tasks") / "natural"
SOURCES: dict[str, dict[str, Any]] = yaml.safe_load(
    (FOLDER / "SOURCES.yml").read_text(encoding="utf-8")
)
CATALOG = shipped_catalog()
NATURAL = [CATALOG.tasks[name] for name in CATALOG.groups["diffbench_natural"].tasks]
BY_NAME = {task.name: task for task in NATURAL}
CREDIT_WORDS = {"CC BY 4.0", "CC BY 3.0", "CC BY 3.0 IGO"}

# Some probabilities of each kind, worked out by hand from the published tables.
KNOWN = {
    "diffbench_people_first_name_living": ("Michael", 3_736_537 / 234_050_592),
    "diffbench_people_surname": ("O'Brien", None),
    "diffbench_people_sex": ("male", 21_008_852 / 41_048_546),
    "diffbench_people_birthday": ("September 12", 191_024 / 62_187_024),
    "diffbench_people_occupation": ("Registered Nurse", 3_175_390 / 151_853_170),
    "diffbench_places_us_state": ("California", 39_538_223 / 331_449_281),
    "diffbench_places_country": ("India", 1_438_069_596 / 8_040_684_647),
    "diffbench_quantities_two_dice": ("7", 6 / 36),
    "diffbench_quantities_favourite_number": ("7", 2912 / 28_791),
}

by_file = pytest.mark.parametrize("file", SOURCES)


def rows(file: str) -> list[dict[str, str]]:
    with (FOLDER / file).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def task_of(file: str) -> TaskDefinition:
    return BY_NAME[SOURCES[file]["task"]]


def bare_table_sha256(file: str) -> str:
    """Hash the names of the source and their weights, heaviest first, then by name."""
    table = [
        (row.get("source_name") or row["outcome"], row["weight"]) for row in rows(file)
    ]
    table.sort(key=lambda row: (-float(row[1]), row[0]))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("outcome", "weight"), *table])
    return hashlib.sha256(text.getvalue().encode()).hexdigest()


def test_every_data_file_and_every_task_has_its_source() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.csv")}
    assert files == set(SOURCES)
    assert sorted(source["task"] for source in SOURCES.values()) == sorted(BY_NAME)
    assert len(NATURAL) == 22


class TestSources:
    @by_file
    def test_data_are_those_of_the_source(self, file: str) -> None:
        content = (FOLDER / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == SOURCES[file]["sha256"]
        assert bare_table_sha256(file) == SOURCES[file]["table_sha256"]

    @by_file
    def test_target_is_the_one_recorded(self, file: str) -> None:
        task, source = task_of(file), SOURCES[file]
        weights = [float(row["weight"]) for row in rows(file)]
        listed = source["listed_weight"]
        assert task.target.sha256 == source["target_sha256"]
        assert task.target.size == source["rows"] == len(weights)
        assert sum(weights) == pytest.approx(listed, abs=1e-9)
        assert task.target.probabilities == pytest.approx([w / listed for w in weights])
        assert task.target.listed_mass == pytest.approx(
            listed / source["total_weight"], rel=1e-12
        )
        assert list(task.target.outcomes) == [row["outcome"] for row in rows(file)]

    @by_file
    def test_file_and_task_tell_the_same_terms(self, file: str) -> None:
        told, recorded = task_of(file).source, SOURCES[file]
        assert told is not None
        assert told.source == recorded["original_source"]
        assert told.licence == recorded["licence"]
        assert told.attribution == recorded.get("attribution", "")
        assert told.url == recorded.get("url", [""])[0]
        assert recorded["unit"] and recorded["year"] and recorded["notes"]
        theoretical = task_of(file).reference == "theoretical"
        assert theoretical != bool(recorded.get("upstream"))

    @by_file
    def test_a_licence_that_asks_for_credit_gets_it(self, file: str) -> None:
        source = SOURCES[file]
        asks = any(word in source["licence"] for word in CREDIT_WORDS)
        assert asks == bool(source.get("attribution"))
        if asks:
            assert "https://creativecommons.org/licenses/by/" in source["attribution"]
            assert "changed:" in source["attribution"]


@pytest.mark.parametrize("name", KNOWN)
def test_known_probabilities(name: str) -> None:
    outcome, probability = KNOWN[name]
    target = BY_NAME[name].target
    found = target.probabilities[target.outcomes.index(outcome)]
    assert found > 0
    if probability is not None:
        assert found == pytest.approx(probability)


def test_theory_is_what_it_says() -> None:
    from math import log10

    benford = BY_NAME["diffbench_quantities_benford"].target
    assert benford.probabilities == pytest.approx(
        [log10(1 + 1 / d) for d in range(1, 10)], abs=1e-11
    )
    throws = [a + b for a in range(1, 7) for b in range(1, 7)]
    dice = BY_NAME["diffbench_quantities_two_dice"].target
    assert dice.outcomes == tuple(str(total) for total in range(2, 13))
    assert dice.probabilities == pytest.approx(
        [throws.count(total) / 36 for total in range(2, 13)]
    )


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("people_occupation", "Nurse", "Registered Nurse"),
        ("people_occupation", "Registered Nurses", None),
        ("people_occupation", "truck driver", "Truck Driver"),
        ("people_occupation", "Fast Food and Counter Worker", "Fast Food Worker"),
        ("people_surname", "McDonald", "McDonald"),
        ("people_surname", "Mcdonald", "McDonald"),
        ("people_surname", "Obrien", "O'Brien"),
        ("people_surname", "García", "Garcia"),
        ("people_age", "100+", "100"),
        ("people_birthday", "12 September", "September 12"),
        ("people_birthday", "Sep 12", "September 12"),
        ("people_birthday", "September 2nd", "September 2"),
        ("people_birthday", "09-12", "September 12"),
        ("people_birth_june", "3rd", "3"),
        ("people_sex", "Girl", "female"),
        ("places_country", "Viet Nam", "Vietnam"),
        ("places_country", "USA", "United States"),
        ("places_country", "Ivory Coast", "Côte d'Ivoire"),
        ("places_country", "Türkiye", "Turkey"),
        ("places_country", "Burma", "Myanmar"),
        ("places_city", "Sao Paulo", "São Paulo"),
        ("places_city", "Kaohsiung", "Kaohsiung"),
        ("places_city", "Hyderabad", "Hyderabad"),
        ("places_us_state", "Washington, D.C.", "District of Columbia"),
        ("quantities_english_letter", "e", "E"),
        ("quantities_favourite_number", "Pi", "pi"),
        ("quantities_favourite_number", "3.14", "pi"),
    ],
)
def test_what_people_say_is_understood(name: str, said: str, meant: str | None) -> None:
    task = BY_NAME[f"diffbench_{name}"]
    found = task.key.index.get(said)
    assert (None if found is None else task.target.outcomes[found]) == meant


def test_occupations_are_said_in_the_singular() -> None:
    task = BY_NAME["diffbench_people_occupation"]
    head = re.compile(r"(,| of ).*")
    plural = [o for o in task.target.outcomes if re.search(r"[a-z]{2}s$", head.sub("", o))]
    assert [o for o in plural if not o.endswith("ss")] == []
    everyday = [row["aliases"] for row in rows("people/us_occupations_2023.csv")[:150]]
    assert all(everyday[:10])


def test_wordings_differ_among_tasks_too() -> None:
    """No two prompts share more than half of their three-word runs."""
    runs = {}
    for task in NATURAL:
        for prompt in task.prompts:
            words = re.findall(r"\w+", prompt.text.lower())
            runs[task.name, prompt.id] = set(zip(words, words[1:], words[2:], strict=False))
    for (one, a), (other, b) in combinations(runs.items(), 2):
        shared = len(a & b) / min(len(a), len(b))
        assert shared <= 0.5, (one, other)


def test_each_task_has_three_trained_and_two_held_out_wordings() -> None:
    for task in NATURAL:
        splits = [prompt.split for prompt in task.prompts]
        assert splits == ["train"] * 3 + ["held_out"] * 2
        assert {task.family} <= {"people", "places", "quantities"}


def test_the_human_reference_is_labelled() -> None:
    human = [task.name for task in NATURAL if task.reference == "human"]
    assert human == ["diffbench_quantities_favourite_number"]
    assert "human" in BY_NAME[human[0]].title


def test_credit_stands_in_the_package() -> None:
    text = (ROOT / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for task in CATALOG.tasks.values():
        if task.source is not None and task.source.attribution:
            assert task.source.attribution in text
            assert (
                f"`{task.name.removesuffix('_sampled').removesuffix('_heldout')}`" in text
            )


def test_the_table_of_the_documents_is_that_of_the_files() -> None:
    lines = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8").splitlines()
    expected = []
    for source in SOURCES.values():
        task = BY_NAME[source["task"]]
        publisher = re.split(r"[,:(]", source["original_source"])[0].strip()
        mass = task.target.listed_mass
        listed = "all" if mass == 1 else percent(mass)
        expected.append(
            f"| `{task.name}` | {task.title} | {publisher} | {source['year']} | "
            f"{task.target.size:,} | {listed} |"
        )
    assert [line for line in lines if line.startswith("| `diffbench_")] == expected
