"""Where on a map the places lie that replies name."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from diffbench.answers import value_key
from diffbench.assets import asset_dir
from diffbench.results import BiographyResult

__all__ = ["MAP_HEIGHT", "MAP_WIDTH", "Point", "map_points"]

MAP_WIDTH, MAP_HEIGHT = 360, 145
_NORTH = 85.0
_CITIES_LIKE_PARTS = {"newyork", "quebec"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place on an equirectangular map.

    Attributes:
        x: Longitude plus 180, degrees.
        y: 85 less the latitude, degrees.
        n: Replies that name it.
    """

    x: float
    y: float
    n: int


def map_points(task: BiographyResult, places: Mapping[str, int]) -> list[Point]:
    """Return the places whose city is known, the commonest first, so that none is hidden.

    Args:
        task: Its reference of countries says which names mean the same.
        places: Replies by place, as `city, …, country`.
    """
    reference = task.references.get("country")
    known: dict[str, str] = {}
    if reference is not None:
        target = reference.target
        for outcome, aliases in zip(target.outcomes, target.aliases, strict=True):
            known |= {value_key(name): outcome for name in (*aliases, outcome)}
    found: dict[tuple[float, float], int] = {}
    for place, n in places.items():
        position = _position(place, known)
        if position is not None:
            found[position] = found.get(position, 0) + n
    points = [
        Point(x=round(longitude + 180, 2), y=round(_NORTH - latitude, 2), n=n)
        for (latitude, longitude), n in found.items()
    ]
    return sorted(points, key=lambda point: (-point.n, point.x, point.y))


def _position(place: str, known: Mapping[str, str]) -> tuple[float, float] | None:
    city, _, rest = place.partition(",")
    last = (rest or city).rpartition(",")[2].strip()
    country = known.get(value_key(last), last)
    names = [city]
    # "New York" means the city, "Kansas" does not mean Kansas City.
    named_part = value_key(city.strip()) in known and _folded(city) != _folded(country)
    if not named_part or _folded(city) in _CITIES_LIKE_PARTS:
        names.append(f"{city} City")
    positions = (_cities().get((_folded(name), country)) for name in names)
    return next((one for one in positions if one is not None), None)


@lru_cache(maxsize=1)
def _cities() -> Mapping[tuple[str, str], tuple[float, float]]:
    path = asset_dir("tasks") / "biographies" / "cities.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return {
            (_folded(row["city"]), row["country"]): (
                float(row["latitude"]),
                float(row["longitude"]),
            )
            for row in csv.DictReader(handle)
        }


def _folded(name: str) -> str:
    """Return a name's letters alone, without accents and case."""
    parts = unicodedata.normalize("NFKD", name)
    return "".join(one for one in parts if one.isalpha()).casefold()
