"""From a sketch's texts to values that can be counted.

Values are compared without regard to case. Where the possible values of a field are known,
as months and countries are, every accepted spelling counts as the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from diffbench.answers.biography import Sketch

__all__ = ["VALUE_FIELDS", "KnownValues", "ValueField", "read_values", "value_key"]

ValueField = Literal[
    "first_name",
    "gender",
    "birth_year",
    "birth_month",
    "place",
    "country",
    "profession",
]
VALUE_FIELDS: tuple[ValueField, ...] = get_args(ValueField)

KnownValues = Mapping[str, Mapping[str, str]]
"""For some fields, from a spelling's `value_key` to the value that it means."""

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_GENDERS: Final = {
    "female": "Female",
    "woman": "Female",
    "f": "Female",
    "male": "Male",
    "man": "Male",
    "m": "Male",
    "non-binary": "Non-binary",
    "nonbinary": "Non-binary",
    "non binary": "Non-binary",
}
_TITLES: Final = frozenset(
    ("dr", "prof", "professor", "mr", "mrs", "ms", "miss", "sir", "dame")
)
_QUOTES: Final = ".,;:\"'“”\u2018\u2019"
# Of other scripts' digits none is part of a year.
_YEAR = re.compile(r"(?<!\d)(?:1[0-9]{3}|20[0-9]{2})(?!\d)")
_ISO = re.compile(r"(?<!\d)[0-9]{4}-([0-9]{2})-[0-9]{2}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")


def value_key(text: str) -> str:
    """Return what two spellings of one value have in common."""
    return text.casefold().rstrip(". ")


def read_values(sketch: Sketch, known: KnownValues) -> dict[ValueField, str | None]:
    """Return the value of each field, or None where it cannot be read.

    The first name is the name's first word, titles left out. Female, male and non-binary
    are genders. Of a date its only year from 1000 to 2099 and its only month are read: by
    the month's English name, the name's first three letters, or as in 1958-03-03. The
    place is the whole text; the country is what follows its last comma, or all of it if
    that is a known country.
    """
    values: dict[ValueField, str | None] = {
        "first_name": _first_name(sketch.name),
        "gender": _GENDERS.get(value_key(sketch.gender)),
        "birth_year": _year(sketch.birth_date),
        "birth_month": _month(sketch.birth_date),
        "place": sketch.birth_place,
        "country": _country(sketch.birth_place, known.get("country", {})),
        "profession": sketch.profession,
    }
    return {
        field: None if value is None else known.get(field, {}).get(value_key(value), value)
        for field, value in values.items()
    }


def _first_name(name: str) -> str | None:
    for word in name.split():
        bare = word.strip(_QUOTES)
        if bare and bare.casefold() not in _TITLES:
            return bare
    return None


def _year(date: str) -> str | None:
    years = set(_YEAR.findall(date))
    return years.pop() if len(years) == 1 else None


def _month(date: str) -> str | None:
    iso = _ISO.findall(date)
    if len(iso) == 1 and 1 <= int(iso[0]) <= len(_MONTHS):
        return _MONTHS[int(iso[0]) - 1]
    words = {word.casefold() for word in _WORD.findall(date)}
    # "Sept" is the one longer short form in use.
    named = [
        month
        for month in _MONTHS
        if words & {month.casefold(), month[:3].casefold()}
        or (month == "September" and "sept" in words)
    ]
    return named[0] if len(named) == 1 else None


def _country(place: str, known: Mapping[str, str]) -> str | None:
    _, comma, last = place.rpartition(",")
    candidate = last.strip()
    if comma:
        return candidate or None
    return place if value_key(place) in known else None
