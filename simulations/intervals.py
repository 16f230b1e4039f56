"""How near sampled values are to the truth, and how often their intervals hold it.

Models of known probabilities are sampled and measured as a run measures them. Prints two
tables; `--write` puts them into docs/statistics.md. `--quick` takes a small part.

    python -m simulations.intervals [--quick] [--write]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import click
import numpy as np

from diffbench.metrics import (
    TargetArrays,
    estimate_counts,
    measure_probabilities,
)
from simulations.models import LAWS, TARGETS, model, put_table, target

__all__ = ["Cell", "Drawn", "cells", "coverage_table", "error_table", "simulate"]

REPLIES = (50, 100, 1000, 10_000)
SIZES = (2, 10, 50, 200, 2000)
QUICK_REPLIES, QUICK_SIZES = (50, 1000), (2, 10, 200)
METRICS = (
    "overlap",
    "overlap_valid",
    "valid_mass",
    "entropy",
    "entropy_ratio",
    "kl_reverse_valid",
    "js",
    "js_valid",
    "hellinger",
    "hellinger_valid",
    "coverage_100",
    "coverage_1000",
)
# Of each cell; samples of many outcomes take longest.
REPEATS = {2: 60, 10: 60, 50: 40, 200: 30, 2000: 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One place of the grid."""

    target: str
    size: int
    n: int
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What one sample said of one metric, beside the truth."""

    metric: str
    true: float
    raw: float | None
    value: float
    covered: bool | None
    half_width: float | None


def cells(sizes: Sequence[int], replies: Sequence[int]) -> Iterator[Cell]:
    """Yield the grid."""
    for kind, size, n, law in product(TARGETS, sizes, replies, LAWS):
        yield Cell(target=kind, size=size, n=n, law=law)


def simulate(cell: Cell, repeats: int) -> list[Drawn]:
    """Draw samples of one cell, each from a model of its own."""
    rng = np.random.default_rng(
        [cell.size, cell.n, *cell.target.encode(), *cell.law.encode()]
    )
    p = target(cell.target, cell.size)
    arrays = TargetArrays(p=p)
    found: list[Drawn] = []
    for _ in range(repeats):
        q = model(p, cell.law, rng)
        with np.errstate(divide="ignore"):
            true = measure_probabilities(arrays, np.log(q))
        law = np.append(q, max(0.0, 1.0 - q.sum()))
        counts = rng.multinomial(cell.n, law / law.sum())
        estimated = estimate_counts(arrays, counts[:-1], int(counts[-1]))
        for metric in METRICS:
            one, truth = estimated[metric], true[metric].value
            if one.value is None or truth is None:
                continue
            ends = one.interval
            # A limit of the range may be met but for rounding.
            held = ends is not None and ends.lo - 1e-9 <= truth <= ends.hi + 1e-9
            found.append(
                Drawn(
                    metric=metric,
                    true=truth,
                    raw=one.raw,
                    value=one.value,
                    covered=None if ends is None else held,
                    half_width=None if ends is None else (ends.hi - ends.lo) / 2,
                )
            )
    return found


Results = dict[Cell, list[Drawn]]
Place = tuple[int, int, str]


def coverage_table(results: Results) -> list[str]:
    """Return how often intervals hold the truth: a row a metric, in Markdown."""
    lines = [
        "| metric | places | least coverage | mean coverage | samples | half width at "
        "N = 100 | at N = 1000 |",
        "|---|---|---|---|---|---|---|",
    ]
    for metric in METRICS:
        held = _held(results, metric)
        if not held:
            continue
        rates = {
            place: np.mean([one.covered for one in kept]) for place, kept in held.items()
        }
        worst = min(rates, key=lambda place: rates[place])
        size, n, law = worst
        # Where nearly all were held, as if the nominal share had been.
        p = min(float(rates[worst]), 0.95)
        error = math.sqrt(p * (1 - p) / len(held[worst]))
        n_samples = sum(map(len, held.values()))
        lines.append(
            f"| `{metric}` | {len(held)} | {rates[worst]:.2f} ± {error:.2f} "
            f"(K {size}, N {n}, {law}) | "
            f"{np.mean(list(rates.values())):.3f} | {n_samples} | "
            f"{_width(held, 100)} | {_width(held, 1000)} |"
        )
    return lines


def error_table(results: Results) -> list[str]:
    """Return errors of the overlap, raw and corrected, in Markdown."""
    lines = [
        "| K | N | raw, at the target | corrected, at the target | near | spiked | "
        "collapsed | holes | far | worst |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size, n in sorted({(cell.size, cell.n) for cell in results}):
        shown: dict[str, list[float]] = {law: [] for law in LAWS}
        raw: list[float] = []
        for cell, drawn in results.items():
            if (cell.size, cell.n) == (size, n):
                kept = [one for one in drawn if one.metric == "overlap"]
                if kept:
                    shown[cell.law].append(float(np.mean([k.value - k.true for k in kept])))
                    if cell.law == "at":
                        raw.append(float(np.mean([(k.raw or 0) - k.true for k in kept])))
        every = [one for errors in shown.values() for one in errors]
        if not every:
            lines.append(f"| {size} | {n} | no value: too few replies | | | | | | | |")
            continue
        names = ("at", "near", "spiked", "collapsed", "holes", "far")
        row = [_worst(raw), *(_worst(shown[law]) for law in names), _worst(every)]
        lines.append(f"| {size} | {n} | " + " | ".join(row) + " |")
    return lines


def _held(results: Results, metric: str) -> dict[Place, list[Drawn]]:
    """Put both targets' samples together, where the metric has an interval."""
    held: dict[Place, list[Drawn]] = {}
    for cell, drawn in results.items():
        kept = [one for one in drawn if one.metric == metric and one.covered is not None]
        if kept:
            held.setdefault((cell.size, cell.n, cell.law), []).extend(kept)
    return held


def _width(held: dict[Place, list[Drawn]], n: int) -> str:
    widths = [
        one.half_width
        for place, kept in held.items()
        if place[1] == n
        for one in kept
        if one.half_width is not None
    ]
    return f"{np.mean(widths):.3f}" if widths else ""


def _worst(errors: Sequence[float]) -> str:
    return f"{max(errors, key=abs):+.3f}" if errors else ""


@click.command()
@click.option("--quick", is_flag=True, help="Only a small part of the grid.")
@click.option("--write", is_flag=True, help="Put the tables into docs/statistics.md.")
def main(*, quick: bool, write: bool) -> None:
    """Simulate how near sampled values are to the truth, and print two tables."""
    sizes = QUICK_SIZES if quick else SIZES
    replies = QUICK_REPLIES if quick else REPLIES
    results: Results = {}
    for cell in cells(sizes, replies):
        results[cell] = simulate(cell, REPEATS[cell.size] // (4 if quick else 1))
        click.echo(".", nl=False, err=True)
    click.echo(err=True)
    coverage, errors = coverage_table(results), error_table(results)
    click.echo("\n".join([*coverage, "", *errors]))
    if write:
        put_table("coverage", coverage)
        put_table("errors", errors)


if __name__ == "__main__":
    main()
