"""What a perfect sampler shows, against every table of replies that it could give."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.metrics import (
    FloatArray,
    TargetArrays,
    measure_counts,
    perfect_metrics,
    perfect_overlap,
    perfect_wasserstein,
    wasserstein,
)
from diffbench.metrics.divergence import overlap
from tests.metrics.strategies import distributions


def tables(p: FloatArray, n: int) -> Iterator[tuple[list[int], float]]:
    """Every table of n replies, with its probability."""
    for counts in itertools.product(range(n + 1), repeat=p.size):
        if sum(counts) == n:
            ways = math.factorial(n) / math.prod(map(math.factorial, counts))
            yield (
                list(counts),
                ways * math.prod(q**c for q, c in zip(p, counts, strict=True)),
            )


@settings(max_examples=30, deadline=None)
@given(distributions(size=3), st.integers(1, 6))
def test_overlap_by_every_table(p: FloatArray, n: int) -> None:
    mean = sum(chance * overlap(p, np.array(c) / n) for c, chance in tables(p, n))
    assert perfect_overlap(p, n) == pytest.approx(mean, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(distributions(size=2), st.integers(1, 6), st.floats(0.1, 1.0))
def test_overlap_of_a_list_by_every_table(p: FloatArray, n: int, m: float) -> None:
    law = np.append(m * p, 1 - m)
    mean = sum(chance * overlap(p, np.array(c[:-1]) / n, m) for c, chance in tables(law, n))
    assert perfect_overlap(p, n, m) == pytest.approx(mean, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(distributions(size=3), st.integers(1, 6))
def test_wasserstein_by_every_table(p: FloatArray, n: int) -> None:
    values = [3.0, -1.0, 4.5]
    mean = sum(c * wasserstein(p, np.array(t) / n, values) for t, c in tables(p, n))
    assert perfect_wasserstein(p, n, values) == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("name", ["entropy", "kl_reverse_valid", "js", "hellinger"])
def test_simulated_ones_by_every_table(name: str) -> None:
    p = np.array([0.5, 0.3, 0.2])
    target = TargetArrays(p=p)
    values = [
        (measure_counts(target, t, 0)[name].value or 0.0, c) for t, c in tables(p, 12)
    ]
    mean = sum(value * chance for value, chance in values)
    scatter = math.sqrt(sum(chance * (value - mean) ** 2 for value, chance in values))
    found = perfect_metrics(target, 12, 12)[name]
    assert found == pytest.approx(mean, abs=4 * scatter / math.sqrt(2000))


@pytest.mark.parametrize(
    ("size", "n", "variation"),
    [(10, 1000, 0.038), (81, 1000, 0.113), (200, 100, 0.606), (200, 1000, 0.175)],
)
def test_published_ceilings(size: int, n: int, variation: float) -> None:
    assert 1 - perfect_overlap(np.full(size, 1 / size), n) == pytest.approx(
        variation, abs=5e-4
    )


def test_what_a_perfect_sampler_may_lack_is_none() -> None:
    found = perfect_metrics(TargetArrays(p=np.full(200, 1 / 200)), 50, 0)
    assert found["kl"] is None
    assert found["coverage_100"] is None
    assert "entropy" not in found and "overlap_valid" not in found


def test_the_bias_of_plug_in_entropy_is_that_of_miller() -> None:
    # E H = ln K - (K - 1) / 2N to first order.
    found = perfect_metrics(TargetArrays(p=np.full(20, 0.05)), 5000, 5000)["entropy"]
    assert found == pytest.approx(math.log(20) - 19 / 10_000, abs=5e-5)
