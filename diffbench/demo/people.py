"""The people whom the demo model makes up: biographies with collapsed fields."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from diffbench.answers import answer_string
from diffbench.assets import asset_dir
from diffbench.demo.collapse import collapsed_probabilities
from diffbench.demo.recipe import Collapse
from diffbench.demo.supports import prefer

__all__ = ["PeopleRecipe", "draw_biography", "read_people"]

T = TypeVar("T")

Gender = Literal["Female", "Male", "Non-binary"]

# Every month has them.
_DAYS = range(1, 29)


class PeopleRecipe(BaseModel):
    """Names, places and deeds, each list in order of preference.

    Attributes:
        replies_per_prompt: Biographies that stand for the distribution in one step.
        wordings: How a biography is asked for.
        usual_places: Whoever is born in one of the first so many has the professions in
            the file's order; every other country has an order of its own.
        professions: What is said to have been achieved, by profession.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    replies_per_prompt: int
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


def draw_biography(
    people: PeopleRecipe, collapse: Collapse, seed: int, rng: np.random.Generator
) -> str:
    """Return a biography in six braces, one a line.

    Args:
        people: What it is put together from.
        collapse: How strongly each field favours its favourites.
        seed: Decides the order of each other country's professions, and of rare dates.
        rng: Source of the draw.
    """

    def pick(ordered: Sequence[T]) -> T:
        probabilities = collapsed_probabilities(len(ordered), collapse)
        return ordered[rng.choice(len(ordered), p=probabilities)]

    gender = pick(people.genders)
    first_name, last_name = pick(people.first_names[gender]), pick(people.last_names)
    years = range(people.first_year, people.last_year + 1)
    month, day = pick(people.months), pick(prefer(_DAYS, people.days, seed))
    place = pick(people.places)
    profession = pick(_professions(people, place, seed))
    fields = (
        f"{first_name} {last_name}",
        gender,
        f"{month} {day}, {pick(prefer(years, people.years, seed))}",
        place,
        profession,
        pick(people.professions[profession]),
    )
    return "\n".join(answer_string(field) for field in fields)


def _professions(people: PeopleRecipe, place: str, seed: int) -> list[str]:
    # Were they the same everywhere, tuning on more places could not bring in more.
    order = list(people.professions)
    if place not in people.places[: people.usual_places]:
        country = place.rpartition(", ")[2]
        random.Random(f"{seed} {country}").shuffle(order)
    return order
