"""Write templates/world.svg: the land of the world, for the map of birth places.

    python leaderboard/make_world.py land-110m.json

The argument is a file of the npm package world-atlas 2.0.2 (ISC licence), which holds
Natural Earth's 1:110m land (public domain). Equirectangular: x is the longitude plus 180, y
is 85 less the latitude, both in half degrees; what lies south of 60 degrees is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parent / "templates" / "world.svg"
SOUTH = -60
WHOLE = 360
HEADER = (
    "{# Land: Natural Earth 1:110m, public domain; by leaderboard/make_world.py #}\n"
    '<svg class="sr" aria-hidden="true" focusable="false"><defs><path id="land" '
    'transform="scale(.5)" d="'
)


def main() -> None:
    """Decode the topology and write one path."""
    topology = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    arcs = [decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    rings = [
        ring_of(ring, arcs)
        for geometry in topology["objects"]["land"]["geometries"]
        for polygon in geometry["arcs"]
        for ring in polygon
    ]
    path = "".join(
        path_of(ring) for ring in rings if max(latitude for _, latitude in ring) > SOUTH
    )
    OUTPUT.write_text(f'{HEADER}{path}"/></defs></svg>\n', encoding="utf-8")


def decoded(arc: list[list[int]], transform: dict[str, Any]) -> list[tuple[float, float]]:
    """Return an arc's positions, (longitude, latitude) in degrees."""
    (scale_x, scale_y), (left, low) = transform["scale"], transform["translate"]
    points, x, y = [], 0, 0
    for step_x, step_y in arc:
        x, y = x + step_x, y + step_y
        points.append((x * scale_x + left, y * scale_y + low))
    return points


def ring_of(
    ring: list[int], arcs: list[list[tuple[float, float]]]
) -> list[tuple[float, float]]:
    """Join arcs; a negative number is an arc that is walked backwards."""
    points: list[tuple[float, float]] = []
    for number in ring:
        points += arcs[number] if number >= 0 else arcs[~number][::-1]
    return points


def path_of(ring: list[tuple[float, float]]) -> str:
    """Return a ring in whole half degrees, on both sides where it crosses 180 degrees."""
    points: list[tuple[int, int]] = []
    turns = 0
    for i, (x, y) in enumerate(ring):
        if i and abs(x - ring[i - 1][0]) > WHOLE / 2:
            turns += 1 if x < ring[i - 1][0] else -1
        points.append((round(2 * (x + 180 + turns * WHOLE)), round(2 * (85 - y))))
    most, least = max(x for x, _ in points), min(x for x, _ in points)
    path = drawn(points)
    if most > 2 * WHOLE:
        path += drawn([(x - 2 * WHOLE, y) for x, y in points])
    if least < 0:
        path += drawn([(x + 2 * WHOLE, y) for x, y in points])
    return path


def drawn(points: list[tuple[int, int]]) -> str:
    """Return a closed path from point to point."""
    path, (last_x, last_y) = f"M{points[0][0]} {points[0][1]}", points[0]
    for x, y in points[1:]:
        if (x, y) != (last_x, last_y):
            path += f"l{x - last_x} {y - last_y}"
            last_x, last_y = x, y
    return f"{path}z"


if __name__ == "__main__":
    main()
