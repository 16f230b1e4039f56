"""The people whom the demo model makes up: biographies with collapsed fields."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from diffbench.answers import answer_string
from diffbench.assets import asset_dir
from diffbench.demo.collapse import collapsed_probabilities
from diffbench.demo.recipe import Collapse
from diffbench.demo.supports import prefer

__all__ = [
    "GENDERS",
    "Beginning",
    "Gender",
    "PeopleRecipe",
    "biography",
    "draw_usual",
    "read_people",
]

T = TypeVar("T")

Gender = Literal["Female", "Male", "Non-binary"]
GENDERS: tuple[Gender, ...] = get_args(Gender)

# Every month has them.
_DAYS = range(1, 29)


class StrangersRecipe(BaseModel):
    """How far the world goes beyond the usual people.

    Attributes:
        share: Probability that a biography is of a stranger.
        names: First names of a sex, and surnames; the commonest of the natural tasks.
        cities_per_country: The largest ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float
    names: int
    cities_per_country: int
    first_year: int
    last_year: int


class PeopleRecipe(BaseModel):
    """Names, places and deeds, each list in order of preference.

    Attributes:
        replies_per_prompt: Biographies that stand for the distribution in one step; half
            of them are of strangers, with weights that make up for it.
        wordings: How a biography is asked for.
        usual_places: Whoever is born in one of the first so many has the professions in
            the file's order; every other country has an order of its own.
        professions: What is said to have been achieved, by profession.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    replies_per_prompt: int
    strangers: StrangersRecipe
    wordings: list[str]
    genders: list[Gender]
    first_names: dict[Gender, list[str]]
    last_names: list[str]
    years: list[int]
    first_year: int
    last_year: int
    months: list[str]
    days: list[int]
    places: list[str]
    usual_places: int
    professions: dict[str, list[str]]


def read_people(path: Path | None = None) -> PeopleRecipe:
    """Read a file of people; the shipped one by default."""
    path = path or asset_dir("training") / "demo" / "biographies.yaml"
    return PeopleRecipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The fields of a biography that do not follow from others."""

    name: str
    gender: Gender
    birthday: str
    place: str


def draw_usual(
    people: PeopleRecipe, collapse: Collapse, seed: int, rng: np.random.Generator
) -> Beginning:
    """Return the beginning of a usual biography, with a few favourites in each field.

    Args:
        people: What it is put together from.
        collapse: How strongly each field favours its favourites.
        seed: Decides the order of rare days and years.
        rng: Source of the draw.
    """
    gender = _pick(people.genders, collapse, rng)
    first_name = _pick(people.first_names[gender], collapse, rng)
    years = range(people.first_year, people.last_year + 1)
    month = _pick(people.months, collapse, rng)
    day = _pick(prefer(_DAYS, people.days, seed), collapse, rng)
    year = _pick(prefer(years, people.years, seed), collapse, rng)
    return Beginning(
        name=f"{first_name} {_pick(people.last_names, collapse, rng)}",
        gender=gender,
        birthday=f"{month} {day}, {year}",
        place=_pick(people.places, collapse, rng),
    )


def biography(
    beginning: Beginning,
    people: PeopleRecipe,
    collapse: Collapse,
    seed: int,
    rng: np.random.Generator,
) -> str:
    """Return a whole biography in six braces, one a line.

    Args:
        beginning: Its first four fields.
        people: Professions and deeds.
        collapse: How strongly these favour their favourites.
        seed: Decides the order of each less usual country's professions.
        rng: Source of the draw.
    """
    profession = _pick(_professions(people, beginning.place, seed), collapse, rng)
    fields = (
        beginning.name,
        beginning.gender,
        beginning.birthday,
        beginning.place,
        profession,
        _pick(people.professions[profession], collapse, rng),
    )
    return "\n".join(answer_string(field) for field in fields)


def _pick(ordered: Sequence[T], collapse: Collapse, rng: np.random.Generator) -> T:
    probabilities = collapsed_probabilities(len(ordered), collapse)
    return ordered[rng.choice(len(ordered), p=probabilities)]


def _professions(people: PeopleRecipe, place: str, seed: int) -> list[str]:
    # Were they the same everywhere, tuning on more places could not bring in more.
    order = list(people.professions)
    if place not in people.places[: people.usual_places]:
        country = place.rpartition(", ")[2]
        random.Random(f"{seed} {country}").shuffle(order)
    return order
