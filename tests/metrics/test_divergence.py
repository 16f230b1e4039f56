from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from diffbench.metrics import (
    FloatArray,
    hellinger,
    js,
    kl,
    kl_reverse_valid,
    overlap,
    renormalise,
)
from tests.metrics.strategies import TINY, distributions, pairs

Pair = tuple[FloatArray, FloatArray]


def log(q: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log(q)


def with_invalid(p: FloatArray, q: FloatArray) -> Pair:
    return np.append(p, 0.0), np.append(q, max(1.0 - q.sum(), 0.0))


def total_variation(p: FloatArray, q: FloatArray) -> float:
    """Half the sum of differences, the invalid outcome included."""
    return float(np.abs(np.subtract(*with_invalid(p, q))).sum()) / 2


@given(pairs(least=TINY))
def test_overlap_is_1_minus_total_variation(pair: Pair) -> None:
    assert overlap(*pair) == pytest.approx(1 - total_variation(*pair), abs=1e-12)


@given(pairs(), st.floats(0.01, 1.0))
def test_overlap_with_listed_mass_by_brute_force(pair: Pair, m: float) -> None:
    p, q = pair
    shared = sum(min(m * a, b) for a, b in zip(p, q, strict=True))
    assert overlap(p, q, m) == pytest.approx(min(shared / m, 1.0), rel=1e-12)


@given(distributions(), st.floats(0.01, 1.0))
def test_a_model_of_the_listed_part_overlaps_fully(p: FloatArray, m: float) -> None:
    assert overlap(p, m * p, m) == pytest.approx(1.0, abs=1e-12)
    assert overlap(p, p, m) == pytest.approx(1.0, abs=1e-12)
    assert overlap(p, 0.5 * m * p, m) == pytest.approx(0.5, rel=1e-12)


@given(pairs(), st.floats(0.0, 1.0))
def test_invalid_mass_never_helps_overlap(pair: Pair, kept: float) -> None:
    p, q = pair
    assert overlap(p, kept * q) <= overlap(p, q) + 1e-15
    assert overlap(p, kept * q) <= kept * q.sum() + 1e-12


@given(pairs(zeros=False, min_mass=1e-6))
def test_kl_matches_scipy(pair: Pair) -> None:
    expected = float(scipy.stats.entropy(*with_invalid(*pair)))
    assert kl(pair[0], log(pair[1])) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(pairs(zeros=False, min_mass=1e-6))
def test_reverse_kl_matches_scipy(pair: Pair) -> None:
    p, q = pair
    expected = float(scipy.stats.entropy(q / q.sum(), p))
    assert kl_reverse_valid(p, q) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(pairs())
def test_js_matches_scipy(pair: Pair) -> None:
    # Of equal inputs scipy may take the square root of -1e-17.
    with np.errstate(invalid="ignore"):
        distance = np.nan_to_num(jensenshannon(*with_invalid(*pair)))
    assert js(*pair) == pytest.approx(float(distance) ** 2, abs=1e-12)


@given(pairs())
def test_hellinger_by_the_affinity(pair: Pair) -> None:
    p, q = with_invalid(*pair)
    affinity = float(np.sqrt(p * q).sum())
    assert hellinger(*pair) ** 2 == pytest.approx(1 - affinity, abs=1e-12)


@given(distributions(least=TINY))
def test_equal_distributions_have_distance_0(p: FloatArray) -> None:
    assert overlap(p, p) == pytest.approx(1.0, abs=1e-15)
    assert kl(p, log(p)) == pytest.approx(0.0, abs=1e-14)
    assert kl_reverse_valid(p, p) == pytest.approx(0.0, abs=1e-14)
    assert js(p, p) == pytest.approx(0.0, abs=1e-15)
    assert hellinger(p, p) == pytest.approx(0.0, abs=1e-15)


@given(pairs(least=TINY))
def test_different_distributions_do_not(pair: Pair) -> None:
    # Lower bounds in total variation: none of them is 0 unless the two are equal.
    tv = total_variation(*pair)
    assert kl(pair[0], log(pair[1])) >= 2 * tv**2 - 1e-12  # Pinsker
    assert js(*pair) >= tv**2 / 2 - 1e-12
    assert hellinger(*pair) >= tv / math.sqrt(2) - 1e-12


@given(pairs(min_mass=1e-6))
def test_pinsker_for_the_reverse(pair: Pair) -> None:
    p, q = pair[0], renormalise(pair[1])
    assert kl_reverse_valid(p, q) >= 2 * total_variation(p, q) ** 2 - 1e-12


@given(pairs(least=TINY))
def test_upper_bounds_in_total_variation(pair: Pair) -> None:
    tv = total_variation(*pair)
    assert js(*pair) <= math.log(2) * tv + 1e-12
    assert hellinger(*pair) <= math.sqrt(tv) + 1e-12


@given(pairs(least=TINY))
def test_ranges(pair: Pair) -> None:
    assert 0.0 <= overlap(*pair) <= 1.0
    assert kl(pair[0], log(pair[1])) >= 0.0
    assert 0.0 <= js(*pair) <= math.log(2)
    assert 0.0 <= hellinger(*pair) <= 1.0


@given(distributions(zeros=False), st.floats(0.01, 0.99))
def test_invalid_mass_alone_has_closed_forms(p: FloatArray, m: float) -> None:
    q = m * p
    assert overlap(p, q) == pytest.approx(m, rel=1e-9)
    assert kl(p, log(q)) == pytest.approx(-math.log(m), rel=1e-9)
    assert kl_reverse_valid(p, q) == pytest.approx(0.0, abs=1e-12)
    assert hellinger(p, q) == pytest.approx(math.sqrt(1 - math.sqrt(m)), rel=1e-9)
    half = (math.log(2 / (1 + m)) + m * math.log(2 * m / (1 + m))) / 2
    assert js(p, q) == pytest.approx(half + (1 - m) * math.log(2) / 2, rel=1e-9)


@pytest.mark.parametrize(("p", "q"), [([1.0, 0.0], [0.0, 1.0]), ([0.5, 0.5], [0.0, 0.0])])
def test_nothing_shared_is_the_far_end(p: list[float], q: list[float]) -> None:
    assert overlap(p, q) == 0.0
    assert js(p, q) == pytest.approx(math.log(2), rel=1e-15)
    assert hellinger(p, q) == 1.0
    assert kl(p, log(np.array(q))) == math.inf


def test_kl_is_exact_at_1e_300() -> None:
    log_q = [0.0, -300 * math.log(10)]
    # p . (ln p - log q) = -ln 2 + 150 ln 10; exp(log_q) is still a normal float.
    assert kl([0.5, 0.5], log_q) == pytest.approx(
        150 * math.log(10) - math.log(2), rel=1e-15
    )
    # Here exp(log_q) is 0, and a KL from probabilities would be infinite.
    assert kl([0.5, 0.5], [-5000.0, -7000.0]) == pytest.approx(6000 - math.log(2))


def test_kl_ignores_outcomes_nobody_asked_for() -> None:
    assert kl([1.0, 0.0], [math.log(0.5), -math.inf]) == pytest.approx(math.log(2))
    assert kl_reverse_valid([0.5, 0.5, 0.0], [0.5, 0.0, 0.5]) == math.inf


def test_least_floats_do_no_harm() -> None:
    least = 5e-324
    assert js([1.0, least], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-300)
    assert js([1.0, 0.0], [1.0, least]) == pytest.approx(0.0, abs=1e-300)
    assert kl_reverse_valid([1.0, least], [0.5, 0.5]) == pytest.approx(
        -math.log(2) - math.log(least) / 2, rel=1e-12
    )


def test_sizes_must_agree() -> None:
    for distance in (overlap, kl_reverse_valid, js, hellinger):
        with pytest.raises(ValueError, match="each of 2 outcomes, but got 3"):
            distance([0.5, 0.5], [0.2, 0.2, 0.2])
    with pytest.raises(ValueError, match="log_q must hold one entry"):
        kl([0.5, 0.5], [-1.0])


def test_listed_mass_has_a_range() -> None:
    with pytest.raises(ValueError, match="listed_mass"):
        overlap([1.0], [0.5], 0.0)
