"""What may be drawn in each shipped task, counted again from scratch."""

from __future__ import annotations

import calendar
import csv
import math
from collections.abc import Sequence

import pytest

from diffbench.assets import asset_dir
from diffbench.suite import shipped_catalog
from diffbench.targets import Target

CATALOG = shipped_catalog()
TASKS = CATALOG.tasks

US_PERSONS = 269_968_593
MEMBER_STATES = {
    "Africa": 54,
    "Asia": 46,
    "Europe": 44,
    "North America": 23,
    "Oceania": 14,
    "South America": 12,
}


def target(name: str) -> Target:
    return TASKS[f"diffbench_{name}"].target


def table(path: str) -> list[dict[str, str]]:
    with (asset_dir("tasks") / path).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def texts(values: Sequence[int]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def primes(last: int) -> list[int]:
    return [n for n in range(2, last + 1) if all(n % d for d in range(2, n))]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("1_10", range(1, 11)),
        ("1_100", range(1, 101)),
        ("1_20_heldout", range(1, 21)),
        ("1_50_heldout", range(1, 51)),
        ("10_99_heldout", range(10, 100)),
        ("even_10", [n for n in range(1, 11) if n % 2 == 0]),
        ("even_100", [n for n in range(1, 101) if n % 2 == 0]),
        ("odd_10", [n for n in range(1, 11) if n % 2 == 1]),
        ("odd_100", [n for n in range(1, 101) if n % 2 == 1]),
        ("prime_50", primes(50)),
        ("prime_100", primes(100)),
    ],
)
def test_numbers(name: str, numbers: Sequence[int]) -> None:
    found = target(f"numbers_{name}")
    assert found.outcomes == texts(numbers)
    assert found.values == tuple(float(n) for n in numbers)


@pytest.mark.parametrize(("month", "n_days"), [("June", 30), ("December", 31)])
def test_dates(month: str, n_days: int) -> None:
    found = target(f"dates_{month.lower()}")
    days = range(1, n_days + 1)
    assert n_days == calendar.monthrange(2023, list(calendar.month_name).index(month))[1]
    assert found.outcomes == tuple(f"{month} {day}" for day in days)
    assert found.values == tuple(float(day) for day in days)
    for day, aliases in zip(days, found.aliases, strict=True):
        ending = {1: "st", 2: "nd", 3: "rd"}.get(0 if 10 < day < 14 else day % 10, "th")
        assert set(aliases) == {f"{day} {month}", f"{month} {day}{ending}"}


def test_weekdays() -> None:
    assert target("dates_weekday").outcomes == tuple(calendar.day_name)


@pytest.mark.parametrize("continent", MEMBER_STATES)
def test_countries(continent: str) -> None:
    rows = [
        row for row in table("countries/countries.csv") if row["continent"] == continent
    ]
    found = target("countries_" + continent.lower().replace(" ", "_"))
    assert found.size == MEMBER_STATES[continent]
    assert list(found.outcomes) == [row["outcome"] for row in rows]
    assert list(found.aliases) == [
        tuple(row["aliases"].split("|")) if row["aliases"] else () for row in rows
    ]


def test_every_member_state_lies_on_one_continent() -> None:
    names = [row["outcome"] for row in table("countries/countries.csv")]
    assert len(names) == len(set(names)) == 193


def test_fruits_and_occupations() -> None:
    for name, size in (("fruits_common", 80), ("occupations_any", 200)):
        found = target(name)
        assert found.size == size
        assert list(found.outcomes) == sorted(found.outcomes)


@pytest.mark.parametrize("letter", ["A", "M"])
def test_occupations_by_first_letter(letter: str) -> None:
    everything = target("occupations_any")
    chosen = [
        (name, aliases)
        for name, aliases in zip(everything.outcomes, everything.aliases, strict=True)
        if name.startswith(letter)
    ]
    found = target(f"occupations_{letter.lower()}")
    assert list(zip(found.outcomes, found.aliases, strict=True)) == chosen
    assert len(chosen) == 20


def test_first_names() -> None:
    rows = table("names/us_first_names.csv")
    weights = [int(row["weight"]) for row in rows]
    found = target("names_us")
    assert list(found.outcomes) == [row["outcome"] for row in rows]
    assert len(weights) == 200
    assert weights == sorted(weights, reverse=True)
    assert found.probabilities == pytest.approx([w / sum(weights) for w in weights])
    assert found.listed_mass == sum(weights) / US_PERSONS
    assert target("names_uniform").outcomes == found.outcomes


def test_all_other_core_targets_are_uniform_and_complete() -> None:
    core = [
        name
        for suffix in ("", "_heldout", "_sampled", "_heldout_sampled")
        for name in CATALOG.groups[f"diffbench_core{suffix}"].tasks
    ]
    for name in core:
        task = TASKS[name]
        if not name.startswith("diffbench_names_us"):
            assert task.reference == "uniform"
            assert set(task.target.probabilities) == {1 / task.target.size}, name
            assert task.target.entropy_nats == pytest.approx(math.log(task.target.size))
            assert task.target.listed_mass == 1
