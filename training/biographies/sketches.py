"""Write tasks/biographies/sketches.csv: beginnings of biographies to train on.

    python training/biographies/sketches.py

Each sketch has a name, a gender, a date and a place of birth. All six regions have the
same number, and in each of them so has every gender. First names are drawn from the
commonest 2,000 of births in the US by sex (non-binary people: from names in both lists),
surnames from the commonest 1,000 there, countries uniformly within a region and cities
within a country. Names do not follow from places: the data say nothing of that.
"""

from __future__ import annotations

import calendar
import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

TASKS = Path(__file__).parents[2] / "tasks"
OUTPUT = TASKS / "biographies" / "sketches.csv"
SEED = 20240416
REGIONS = ("Africa", "Asia", "Europe", "North America", "Oceania", "South America")
GENDERS = ("Female", "Male", "Non-binary")
PEOPLE_A_CELL = 14
LARGEST_CITIES = 8
FIRST_DAY, LAST_DAY = date(1920, 1, 1), date(2005, 12, 31)

T = TypeVar("T")


def sketches() -> str:
    """Return the table; the same on every machine."""
    rng = np.random.default_rng(SEED)
    surnames = iter(_shuffled(rng, _column("natural/people/us_surnames_2010.csv")))
    first_names = {
        gender: iter(_shuffled(rng, names)) for gender, names in _first_names().items()
    }
    rows = [
        [f"{next(first_names[gender])} {next(surnames)}", gender, _birthday(rng), place]
        for region in REGIONS
        for gender, place in zip(
            GENDERS * PEOPLE_A_CELL,
            _places(rng, region, len(GENDERS) * PEOPLE_A_CELL),
            strict=True,
        )
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "gender", "birth_date", "birth_place"])
    writer.writerows(_shuffled(rng, rows))
    return text.getvalue()


def _shuffled(rng: np.random.Generator, items: Sequence[T]) -> list[T]:
    return [items[i] for i in np.argsort(rng.random(len(items)), kind="stable")]


def _rows(file: str) -> Iterator[dict[str, str]]:
    with (TASKS / file).open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def _column(file: str) -> list[str]:
    return [row["outcome"] for row in _rows(file)]


def _first_names() -> dict[str, list[str]]:
    female = _column("natural/people/us_first_names_female.csv")
    male = _column("natural/people/us_first_names_male.csv")
    of_both = set(female) & set(male)
    return {
        "Female": [name for name in female if name not in of_both],
        "Male": [name for name in male if name not in of_both],
        "Non-binary": [name for name in female if name in of_both],
    }


def _birthday(rng: np.random.Generator) -> str:
    days = (LAST_DAY - FIRST_DAY).days + 1
    day = FIRST_DAY + timedelta(days=int(rng.random() * days))
    return f"{calendar.month_name[day.month]} {day.day}, {day.year}"


def _places(rng: np.random.Generator, region: str, n: int) -> list[str]:
    """Draw distinct places: a country, then one of its cities that is still left."""
    cities: dict[str, list[str]] = defaultdict(list)
    for row in _rows("biographies/cities.csv"):
        if row["region"] == region:
            cities[row["country"]].append(f"{row['city']}, {row['country']}")
    # Each country's cities stand by size.
    left = {
        country: _shuffled(rng, names[:LARGEST_CITIES])
        for country, names in sorted(cities.items())
    }
    places: list[str] = []
    while len(places) < n:
        # Every country once before any has another.
        for country in _shuffled(rng, [name for name in left if left[name]]):
            places.append(left[country].pop())
    return places[:n]


if __name__ == "__main__":
    OUTPUT.write_text(sketches(), encoding="utf-8")
