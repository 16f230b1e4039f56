"""Corrected values against truth, over samplers of known laws."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.metrics import (
    METRICS,
    SAMPLED_METRICS,
    FloatArray,
    TargetArrays,
    corrected_metrics,
    corrected_overlap,
    estimate_counts,
    measure_counts,
    measure_probabilities,
    perfect_overlap,
)
from diffbench.metrics.functionals import FITTED_METRICS, plain_metrics
from tests.metrics.strategies import count_tables, distributions

Table = tuple[list[int], int]


def uniform(size: int) -> FloatArray:
    return np.full(size, 1 / size)


def zipf(size: int) -> FloatArray:
    weights = 1 / np.arange(1.0, size + 1)
    return np.asarray(weights / weights.sum())


def mean_errors(
    p: FloatArray, q: Sequence[float] | FloatArray, n: int, names: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Mean errors of raw and corrected values over 20 samples of a model q."""
    rng = np.random.default_rng(n)
    target, law = TargetArrays(p=p), np.append(q, max(0.0, 1 - np.sum(q)))
    with np.errstate(divide="ignore"):
        true = measure_probabilities(target, np.log(q))
    errors: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for counts in rng.multinomial(n, law / law.sum(), size=20):
        found = estimate_counts(target, counts[:-1], int(counts[-1]))
        for name in names:
            one, truth = found[name], true[name].value
            assert one.raw is not None and one.value is not None and truth is not None
            errors[name].append((one.raw - truth, one.value - truth))
    return {
        name: (float(np.mean([r for r, _ in rows])), float(np.mean([c for _, c in rows])))
        for name, rows in errors.items()
    }


BIASED = ("overlap", "overlap_valid", "entropy", "kl_reverse_valid", "js", "hellinger")


@pytest.mark.parametrize("p", [uniform(200), zipf(200)], ids=["uniform", "Zipf"])
def test_a_perfect_sampler_is_seen_as_one(p: FloatArray) -> None:
    for name, (raw, corrected) in mean_errors(p, p, 1000, BIASED).items():
        assert abs(corrected) < 0.5 * abs(raw), name
    assert abs(corrected) < 0.1


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_favourite_beside_an_even_rest(share: float) -> None:
    p = uniform(200)
    q = (1 - share) * p
    q[7] += share
    for name, (raw, corrected) in mean_errors(p, q, 1000, BIASED).items():
        assert abs(corrected) < 0.5 * abs(raw) + 0.01, name


def test_invalid_replies_count_against_overlap_only() -> None:
    p = uniform(50)
    found = mean_errors(p, 0.8 * p, 1000, ("overlap", "overlap_valid", "js"))
    assert abs(found["overlap"][1]) < 0.015
    assert abs(found["overlap_valid"][1]) < 0.03
    assert abs(found["js"][1]) < 0.01


def test_a_biased_coin() -> None:
    found = mean_errors(uniform(2), [0.7, 0.3], 1000, BIASED)
    assert all(abs(corrected) < 0.015 for _, corrected in found.values())


@pytest.mark.parametrize("n", [10_000, 1_000_000])
def test_corrections_fade_as_replies_grow(n: int) -> None:
    p, q = zipf(6), np.array([0.3, 0.1, 0.2, 0.05, 0.05, 0.2])
    counts = np.round(q * n).astype(int)
    target = TargetArrays(p=p)
    plain = measure_counts(target, counts, n - int(counts.sum()))
    for name, one in corrected_metrics(target, counts, n - int(counts.sum())).items():
        truth = plain[name].value
        assert truth is not None
        assert one.value == pytest.approx(truth, abs=5 / np.sqrt(n)), name


@settings(max_examples=40, deadline=None)
@given(count_tables(), st.data())
def test_values_keep_their_ranges_and_have_a_reason_else(
    table: Table, data: st.DataObject
) -> None:
    counts, n_invalid = table
    p = data.draw(distributions(size=len(counts)))
    mass = data.draw(st.sampled_from([1.0, 0.4]))
    target = TargetArrays(p=p, listed_mass=mass)
    found = estimate_counts(target, counts, n_invalid)
    assert list(found) == [metric.name for metric in (*METRICS, *SAMPLED_METRICS)]
    for metric in (*METRICS, *SAMPLED_METRICS):
        one = found[metric.name]
        assert (one.value is None) == bool(one.reason)
        if one.value is not None:
            assert one.value >= metric.lowest - 1e-9
            assert metric.highest is None or one.value <= metric.highest + 1e-9
        if one.interval is not None and one.value is not None:
            assert one.interval.lo - 1e-9 <= one.value <= one.interval.hi + 1e-9


@settings(max_examples=30, deadline=None)
@given(count_tables(size=5), st.randoms(use_true_random=False))
def test_the_order_of_outcomes_means_nothing(table: Table, random: Random) -> None:
    counts, n_invalid = table
    p = zipf(5)
    order = list(range(5))
    random.shuffle(order)
    one = corrected_overlap(p, counts, n_invalid)
    other = corrected_overlap(p[order], np.array(counts)[order], n_invalid)
    if one.value is not None and other.value is not None:
        assert other.value == pytest.approx(one.value, abs=1e-9)


def test_the_same_counts_give_the_same_numbers() -> None:
    counts = np.random.default_rng(1).multinomial(300, zipf(40))
    one, two = (corrected_overlap(zipf(40), counts, 3) for _ in range(2))
    assert one == two


def test_rounding_of_another_platform_changes_nothing_that_is_checked() -> None:
    counts = np.random.default_rng(1).multinomial(300, zipf(40))
    nudged = zipf(40) * (1 + 1e-15 * np.arange(40))
    one, two = corrected_overlap(zipf(40), counts, 3), corrected_overlap(nudged, counts, 3)
    assert two.value == pytest.approx(one.value, rel=1e-11)


def test_too_few_replies_give_no_value_and_say_so() -> None:
    counts = np.random.default_rng(1).multinomial(50, uniform(2000))
    found = corrected_overlap(uniform(2000), counts, 0)
    assert found.value is None
    assert found.reason == (
        "50 replies are too few for 2000 outcomes: even a perfect sampler would show an "
        "overlap of 0.02"
    )
    assert perfect_overlap(uniform(2000), 50) < 0.35


def test_no_valid_reply_is_an_overlap_of_nothing() -> None:
    found = estimate_counts(TargetArrays(p=uniform(4)), [0, 0, 0, 0], 30)
    assert found["overlap"].value == pytest.approx(0.0, abs=1e-9)
    assert found["entropy"].value is None and found["entropy"].interval is None


def test_an_outcome_that_the_target_excludes_counts_as_invalid() -> None:
    target = TargetArrays(p=np.array([0.5, 0.5, 0.0]))
    drawn = estimate_counts(target, [4000, 4000, 2000], 0)
    invalid = estimate_counts(TargetArrays(p=uniform(2)), [4000, 4000], 2000)
    for name in ("overlap", "js", "hellinger"):
        assert drawn[name].value == pytest.approx(invalid[name].value, abs=1e-3), name
    assert drawn["kl_reverse_valid"].value is None


@settings(max_examples=40, deadline=None)
@given(distributions(size=4), st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_plain_metrics_are_those_of_the_metrics(p: FloatArray, counts: list[int]) -> None:
    if sum(counts) == 0:
        counts[0] = 1
    n = sum(counts) + 5
    expected = measure_counts(TargetArrays(p=p), counts, 5)
    found = plain_metrics(p, np.array([counts]) / n, 1.0)
    for name in FITTED_METRICS:
        truth = expected[name].value
        if truth is not None:
            assert found[name][0] == pytest.approx(truth, abs=1e-9), name


def test_intervals_are_offered_where_they_were_simulated() -> None:
    target = TargetArrays(p=uniform(4))
    few = estimate_counts(target, [13, 12, 12, 12], 0)
    enough = estimate_counts(target, [13, 13, 12, 12], 0)
    offered = {"overlap", "overlap_valid", "valid_mass", "hellinger", "hellinger_valid"}
    assert {name for name, one in enough.items() if one.interval} == offered
    assert {name for name, one in few.items() if one.interval} == {"valid_mass"}


def test_what_is_left_of_the_bias_is_told_and_small() -> None:
    rng = np.random.default_rng(3)
    p = uniform(200)
    for counts in rng.multinomial(1000, 0.7 * p + 0.3 * np.eye(200)[5], size=3):
        found = corrected_overlap(p, counts, 0)
        assert found.bias is not None and abs(found.bias) < 0.03
