"""The biographies that the demo model is trained on, and those that it writes."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict

import numpy as np
import pytest

from diffbench.answers.biography import Sketch, read_sketch
from diffbench.assets import asset_dir
from diffbench.demo.corpus import Example, examples
from diffbench.demo.people import Beginning, biography, read_people
from diffbench.demo.recipe import read_recipe
from diffbench.demo.strangers import read_strangers
from diffbench.suite import shipped_catalog

CATALOG = shipped_catalog()
RECIPE = read_recipe()
PEOPLE = read_people()
STRANGERS = read_strangers(CATALOG, PEOPLE)


@pytest.fixture(scope="module")
def corpus() -> list[Example]:
    only = RECIPE.model_copy(update={"mixture": {"biographies": 1.0}})
    stream = examples(CATALOG, only, np.random.default_rng(0))
    return [next(stream) for _ in range(400)]


def test_all_are_well_formed(corpus: list[Example]) -> None:
    for example in corpus:
        assert sum(example.probabilities) == pytest.approx(1)
        for reply in example.replies:
            sketch = read_sketch(reply)
            assert isinstance(sketch, Sketch), reply
            assert sketch.gender in PEOPLE.genders


def test_usual_people_have_favourites_and_strangers_the_rest(corpus: list[Example]) -> None:
    mass: defaultdict[str, float] = defaultdict(float)
    for example in corpus:
        for reply, p in zip(example.replies, example.probabilities, strict=True):
            mass[reply.split("{")[1].split()[0]] += p / len(corpus)
    usual = {name for names in PEOPLE.first_names.values() for name in names}
    assert max(mass, key=mass.__getitem__) == "Elena"
    unusual = sum(p for name, p in mass.items() if name not in usual)
    # Some strangers have usual names.
    assert 0.9 * PEOPLE.strangers.share < unusual <= PEOPLE.strangers.share


def test_whoever_is_in_the_sketches_could_be_a_stranger() -> None:
    path = asset_dir("tasks") / "biographies" / "sketches.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) >= 200
    first_names = {str(gender): names for gender, names in STRANGERS.first_names.items()}
    for row in rows:
        first, last = row["name"].rsplit(" ", 1)
        city, country = row["birth_place"].rsplit(", ", 1)
        assert first in first_names[row["gender"]]
        assert last in STRANGERS.last_names
        assert city in STRANGERS.cities[country]


def test_a_country_has_professions_of_its_own() -> None:
    rng = np.random.default_rng(1)
    favourites = set()
    for city, country in (("Oruro", "Bolivia"), ("Bergen", "Norway"), ("Ipoh", "Malaysia")):
        drawn = Counter(
            biography(
                Beginning(
                    name="Ines Holt", gender="Female", birthday="May 4, 1950",
                    place=f"{city}, {country}",
                ),
                PEOPLE, RECIPE.collapse, RECIPE.seed, rng,
            ).splitlines()[4]
            for _ in range(200)
        )  # fmt: skip
        name, n = drawn.most_common(1)[0]
        assert n > 60
        favourites.add(name)
    assert len(favourites) > 1


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_the_tasks_trained_wordings_are_read_and_no_other(
    corpus: list[Example], split: str
) -> None:
    wordings = {
        prompt.text
        for task in CATALOG.biographies.values()
        for prompt in task.prompts
        if prompt.split == split
    }
    seen = {example.prompt for example in corpus}
    assert wordings
    assert wordings & seen == (wordings if split == "train" else set())
