"""The tables of docs/statistics.md come from the simulations, and say what is claimed."""

from __future__ import annotations

import re

import pytest

from diffbench.metrics.intervals import RULES
from simulations.estimators import ESTIMATORS
from simulations.intervals import (
    METRICS,
    REPEATS,
    REPLIES,
    SIZES,
    cells,
    coverage_table,
    error_table,
    simulate,
)
from simulations.models import DOCS

TEXT = DOCS.read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    """The cells of a table between its marks, without its head."""
    _, rest = TEXT.split(f"<!-- {name} -->")
    lines = rest.split(f"<!-- end of {name} -->")[0].strip().split("\n")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_interval_that_is_offered_was_simulated_and_covers() -> None:
    found = {row[0].strip("`"): row for row in rows("coverage")}
    assert set(found) == set(RULES) | {"valid_mass"} <= set(METRICS)
    for name, row in found.items():
        match = re.match(r"([\d.]+) ± ([\d.]+)", row[2])
        assert match, name
        least, error = map(float, match.groups())
        # Two points below nominal, and two standard errors of the worst place.
        assert least + 2 * error >= 0.93, name
        assert float(row[3]) >= 0.93, name


def test_the_chosen_estimator_has_the_least_worst_error() -> None:
    worst: dict[str, float] = dict.fromkeys(ESTIMATORS, 0.0)
    for _, name, *errors in rows("choice"):
        worst[name] = max(worst[name], *(abs(float(error)) for error in errors))
    assert min(worst, key=lambda name: worst[name]) == "fitted ratios"
    assert worst["fitted ratios"] < 0.1 < 0.25 < worst["the same, shrunk"]


def test_the_table_of_errors_has_the_whole_grid() -> None:
    found = [(int(row[0]), int(row[1])) for row in rows("errors")]
    assert found == sorted((size, n) for size in SIZES for n in REPLIES)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "n"), [(2, 50), (10, 50), (50, 100)])
def test_a_part_of_the_grid_simulated_again(size: int, n: int) -> None:
    results = {cell: simulate(cell, REPEATS[size]) for cell in cells((size,), (n,))}
    (line,) = error_table(results)[2:]
    assert line in TEXT
    for row in coverage_table(results)[2:]:
        mean = float(row.split("|")[4])
        assert mean >= 0.93, row
