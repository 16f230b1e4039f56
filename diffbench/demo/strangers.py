"""People whom the demo model hardly ever makes up: names and places of the whole world.

A chat model can write far more names and cities than it says of its own accord, and so can
this one. Without them there would be nothing for a tuning to bring out.
"""

from __future__ import annotations

import calendar
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

from diffbench.assets import asset_dir
from diffbench.demo.people import GENDERS, Beginning, Gender, PeopleRecipe
from diffbench.suite import Catalog

__all__ = ["Strangers", "read_strangers"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """What a stranger's first fields are drawn from, all alike.

    Attributes:
        cities: By country, the largest first.
    """

    first_names: Mapping[Gender, Sequence[str]]
    last_names: Sequence[str]
    cities: Mapping[str, Sequence[str]]
    first_day: date
    n_days: int

    def draw(self, rng: np.random.Generator) -> Beginning:
        """Return a stranger's name, gender, birthday and place of birth."""
        gender = _pick(GENDERS, rng)
        country = _pick(list(self.cities), rng)
        day = self.first_day + timedelta(days=int(rng.integers(self.n_days)))
        return Beginning(
            name=f"{_pick(self.first_names[gender], rng)} {_pick(self.last_names, rng)}",
            gender=gender,
            birthday=f"{calendar.month_name[day.month]} {day.day}, {day.year}",
            place=f"{_pick(self.cities[country], rng)}, {country}",
        )


def read_strangers(catalog: Catalog, people: PeopleRecipe) -> Strangers:
    """Read names from the natural tasks, and cities from that of biographies."""

    def outcomes(task: str) -> list[str]:
        names = catalog.tasks[f"diffbench_people_{task}"].target.outcomes
        return list(names[: people.strangers.names])

    female, male = outcomes("first_name_female"), outcomes("first_name_male")
    first_day = date(people.strangers.first_year, 1, 1)
    last_day = date(people.strangers.last_year, 12, 31)
    return Strangers(
        first_names={
            "Female": [name for name in female if name not in set(male)],
            "Male": [name for name in male if name not in set(female)],
            "Non-binary": [name for name in female if name in set(male)],
        },
        last_names=outcomes("surname"),
        cities=_cities(people.strangers.cities_per_country),
        first_day=first_day,
        n_days=(last_day - first_day).days + 1,
    )


def _cities(per_country: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    path = asset_dir("tasks") / "biographies" / "cities.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if len(found[row["country"]]) < per_country:
                found[row["country"]].append(row["city"])
    return dict(found)


def _pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]
