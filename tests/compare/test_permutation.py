"""The permutation test against the enumeration of every dealing."""

from __future__ import annotations

from itertools import product
from math import comb, prod

import numpy as np
import pytest

from diffbench.compare import permutation
from diffbench.compare.permutation import STATISTICS, content_seed, permutation_p
from diffbench.metrics import IntArray, TargetArrays, measure_counts

TARGET = TargetArrays(p=np.array([0.5, 0.3, 0.2]))
PART = TargetArrays(p=np.array([0.5, 0.3, 0.2]), listed_mass=0.8)


@pytest.mark.parametrize("target", [TARGET, PART])
@pytest.mark.parametrize("metric", list(STATISTICS))
def test_statistics_are_the_plug_in_metrics(target: TargetArrays, metric: str) -> None:
    rng = np.random.default_rng(1)
    counts = rng.multinomial(40, [0.4, 0.2, 0.3, 0.1], size=5)
    found = STATISTICS[metric](target, counts)
    for row, value in zip(counts, found, strict=True):
        plain = measure_counts(target, row[:-1], int(row[-1]))[metric].value
        assert value == pytest.approx(plain)


def _exact_p(before: list[int], after: list[int], metric: str) -> float:
    """Go through every way to deal the pooled replies, each with its probability."""
    statistic = STATISTICS[metric]
    pooled = np.array(before) + np.array(after)

    def change(second: IntArray) -> float:
        first = pooled - second
        return float((statistic(TARGET, second[None]) - statistic(TARGET, first[None]))[0])

    observed, high, low, whole = change(np.array(after)), 0, 0, 0
    for deal in product(*(range(c + 1) for c in pooled)):
        if sum(deal) == sum(after):
            ways = prod(comb(int(c), d) for c, d in zip(pooled, deal, strict=True))
            found = change(np.array(deal))
            whole += ways
            high += ways * (found >= observed - 1e-9)
            low += ways * (found <= observed + 1e-9)
    return min(1.0, 2 * min(high, low) / whole)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([6, 3, 2, 1], [9, 1, 1, 1]),
        ([6, 3, 2, 1], [3, 2, 0, 1]),
        ([2, 2, 2, 0], [9, 1, 0, 4]),
        ([4, 0, 0, 0], [4, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("metric", list(STATISTICS))
def test_agrees_with_every_dealing(
    before: list[int], after: list[int], metric: str
) -> None:
    found = permutation_p(
        TARGET,
        [np.array(before)],
        [np.array(after)],
        statistic=STATISTICS[metric],
        rng=np.random.default_rng(0),
        resamples=40_000,
    )
    assert found == pytest.approx(_exact_p(before, after, metric), abs=0.012)


def test_blocks_of_dealings_change_only_the_random_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [np.array([60, 30, 20, 10])], [np.array([70, 20, 20, 10])]

    def p() -> float:
        return permutation_p(
            TARGET,
            *rows,
            statistic=STATISTICS["overlap"],
            rng=np.random.default_rng(0),
            resamples=20_000,
        )

    whole = p()
    monkeypatch.setattr(permutation, "_CELLS_AT_ONCE", 1000)
    assert p() == pytest.approx(whole, abs=0.02)


def test_the_p_value_is_never_zero() -> None:
    found = permutation_p(
        TARGET,
        [np.array([900, 0, 0, 0])],
        [np.array([0, 0, 0, 900])],
        statistic=STATISTICS["overlap"],
        rng=np.random.default_rng(0),
        resamples=99,
    )
    assert found == pytest.approx(0.02)


def test_the_seed_is_that_of_the_content() -> None:
    one = content_seed("overlap", np.array([1, 2]), np.array([3]))
    assert one == content_seed("overlap", np.array([1, 2]), np.array([3]))
    assert one != content_seed("overlap", np.array([1]), np.array([2, 3]))
    assert one != content_seed("valid_mass", np.array([1, 2]), np.array([3]))
