"""The supports that the demo model learns, each with its made-up favourites.

Besides the core tasks' own there are others of their kind (more ranges, months and
first letters), so that the model follows prompts that it has not seen. The ranges and
wordings of the held-out split are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from diffbench.demo.recipe import DemoRecipe
from diffbench.suite import Catalog

__all__ = ["Support", "other_supports", "prefer", "task_supports"]

T = TypeVar("T", str, int)

_MONTHS = {
    "January": 31,
    "February": 28,
    "March": 31,
    "April": 30,
    "May": 31,
    "June": 30,
    "July": 31,
    "August": 31,
    "September": 30,
    "October": 31,
    "November": 30,
    "December": 31,
}
_HELD_OUT_RANGES = {(1, 20), (1, 50), (10, 99)}
_NUMBER_KINDS: Mapping[str, Callable[[int], bool]] = {
    "whole": lambda n: True,
    "even": lambda n: n % 2 == 0,
    "odd": lambda n: n % 2 == 1,
    "prime": lambda n: n > 1 and all(n % d for d in range(2, int(n**0.5) + 1)),
}
_MIN_SUPPORT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Outcomes in order of the model's made-up preference, and how to ask for one."""

    noun: str
    plural: str
    kind: str
    outcomes: tuple[str, ...]


def prefer(outcomes: Sequence[T], favourites: Sequence[T], seed: int) -> tuple[T, ...]:
    """Order outcomes: named favourites first, the others as a seed shuffles them."""
    first: list[T] = [name for name in favourites if name in set(outcomes)]
    rest: list[T] = sorted(set(outcomes) - set(first))
    random.Random(f"{seed} {len(outcomes)} {outcomes[0]}").shuffle(rest)
    return tuple(first + rest)


def task_supports(catalog: Catalog, recipe: DemoRecipe) -> dict[str, tuple[str, ...]]:
    """Return each core task's outcomes, by task name, in order of preference."""
    return {
        name: _order(
            catalog.tasks[name].family, catalog.tasks[name].target.outcomes, recipe
        )
        for name in catalog.groups["diffbench_core"].tasks
    }


def _order(family: str, outcomes: Sequence[str], recipe: DemoRecipe) -> tuple[str, ...]:
    favourites = [str(name) for name in recipe.favourites.get(family, [])]
    if family == "dates":
        month = outcomes[0].split()[0]
        favourites = [f"{month} {day}" for day in favourites]
        favourites += [str(day) for day in recipe.favourites["weekday"]]
    return prefer(outcomes, favourites, recipe.seed)


def other_supports(catalog: Catalog, recipe: DemoRecipe) -> list[Support]:
    """Return the supports that paraphrased prompts ask for."""
    return [
        *_number_supports(recipe),
        *_date_supports(recipe),
        *_noun_supports(catalog, recipe),
        *_lettered_occupations(catalog, recipe),
    ]


def _number_supports(recipe: DemoRecipe) -> Iterator[Support]:
    rng = random.Random(recipe.seed)
    ranges = {(1, 10), (1, 100), (1, 5), (1, 6), (1, 12), (1, 30), (1, 25), (1, 15)}
    while len(ranges) < 48:
        first = rng.choice([1, 1, 1, 1, rng.randint(2, 40)])
        ranges.add((first, rng.randint(first + 8, 100)))
    for first, last in sorted(ranges - _HELD_OUT_RANGES):
        for kind, accepts in _NUMBER_KINDS.items():
            numbers = [str(n) for n in range(first, last + 1) if accepts(n)]
            if len(numbers) < _MIN_SUPPORT:
                continue
            article = "an" if kind in ("even", "odd") else "a"
            for span in _spans(first, last):
                yield Support(
                    noun=f"{article} {kind} number {span}",
                    plural=f"the {kind} numbers {span}",
                    kind="number",
                    outcomes=_order("numbers", numbers, recipe),
                )


def _spans(first: int, last: int) -> tuple[str, ...]:
    return (
        f"from {first} to {last}",
        f"between {first} and {last}",
        f"of at least {first} and at most {last}",
    )


def _date_supports(recipe: DemoRecipe) -> Iterator[Support]:
    days = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ]
    for noun in ("a day of the week", "some day from Monday to Sunday"):
        yield Support(
            noun=noun,
            plural="the days of the week",
            kind="day",
            outcomes=_order("dates", days, recipe),
        )
    for month, length in _MONTHS.items():
        dates = [f"{month} {day}" for day in range(1, length + 1)]
        for noun in (
            f"a date in {month}",
            f"a date that falls in {month}, month first",
        ):
            yield Support(
                noun=noun,
                plural=f"all dates of {month}",
                kind="date",
                outcomes=_order("dates", dates, recipe),
            )


def _noun_supports(catalog: Catalog, recipe: DemoRecipe) -> Iterator[Support]:
    phrases: Mapping[str, tuple[str, str, str]] = {
        "diffbench_fruits_common": ("a fruit", "all common fruits", "fruit"),
        "diffbench_occupations_any": (
            "an occupation",
            "all common occupations",
            "occupation",
        ),
        "diffbench_names_uniform": (
            "one of the 200 most common first names in the United States",
            "the 200 most common first names in the United States",
            "name",
        ),
        "diffbench_names_us": (
            "the first name of a person who lives in the United States",
            "the first names of everybody in the United States",
            "name",
        ),
    }
    for name in catalog.groups["diffbench_countries"].tasks:
        continent = catalog.tasks[name].title.removeprefix("Country, ")
        phrases = {
            **phrases,
            name: (
                f"a country in {continent}",
                f"all countries in {continent}",
                "country",
            ),
        }
    for name, (noun, plural, kind) in phrases.items():
        task = catalog.tasks[name]
        yield Support(
            noun=noun,
            plural=plural,
            kind=kind,
            outcomes=_order(task.family, task.target.outcomes, recipe),
        )


def _lettered_occupations(catalog: Catalog, recipe: DemoRecipe) -> Iterator[Support]:
    outcomes = catalog.tasks["diffbench_occupations_any"].target.outcomes
    for letter in sorted({name[0] for name in outcomes}):
        chosen = [name for name in outcomes if name[0] == letter]
        if len(chosen) < _MIN_SUPPORT:
            continue
        yield Support(
            noun=f"an occupation that begins with the letter {letter}",
            plural=f"all occupations with the first letter {letter}",
            kind="occupation",
            outcomes=_order("occupations", chosen, recipe),
        )
