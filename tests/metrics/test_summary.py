from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diffbench.metrics import (
    METRICS,
    METRICS_BY_NAME,
    FloatArray,
    MetricValue,
    TargetArrays,
    measure_counts,
    measure_probabilities,
    overlap,
    renormalise,
)
from tests.metrics.strategies import TINY, count_tables, distributions, pairs

Pair = tuple[FloatArray, FloatArray]
Measured = dict[str, MetricValue]

NAMES = [metric.name for metric in METRICS]
VALID_ONLY = {
    "overlap_valid",
    "entropy",
    "entropy_ratio",
    "kl_reverse_valid",
    "js_valid",
    "hellinger_valid",
    "effective_outcomes",
    "wasserstein",
}
SAMPLED_OTHERWISE = {name for name in NAMES if name.startswith("coverage")}


def log(q: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log(q)


def ordered(p: FloatArray, listed_mass: float = 1.0) -> TargetArrays:
    return TargetArrays(p=p, values=np.arange(p.size, dtype=float), listed_mass=listed_mass)


def assert_same(got: Measured, expected: Measured, names: set[str]) -> None:
    assert names
    for name in names:
        if expected[name].value is None:
            assert got[name].value is None, name
        else:
            assert got[name].value == pytest.approx(
                expected[name].value, rel=1e-9, abs=1e-9
            ), name


def assert_within_bounds(measured: Measured) -> None:
    assert list(measured) == NAMES
    for name, each in measured.items():
        metric = METRICS_BY_NAME[name]
        if each.value is not None:
            assert type(each.value) is float, name
            assert metric.lowest <= each.value, name
            assert metric.highest is None or each.value <= metric.highest, name


@given(pairs(least=TINY), st.sampled_from([1.0, 0.3]))
def test_exact_values_lie_within_their_bounds(pair: Pair, m: float) -> None:
    p, q = pair
    assert_within_bounds(measure_probabilities(ordered(p, m), log(q)))


@given(count_tables(), st.data(), st.sampled_from([1.0, 0.3]))
def test_sampled_values_lie_within_their_bounds(
    table: tuple[list[int], int], data: st.DataObject, m: float
) -> None:
    counts, n_invalid = table
    p = data.draw(distributions(size=len(counts), least=TINY))
    assert_within_bounds(measure_counts(ordered(p, m), counts, n_invalid))


@given(distributions(min_size=2, zeros=False))
def test_a_perfect_model_has_every_best_value(p: FloatArray) -> None:
    measured = measure_probabilities(ordered(p), log(p))
    best = {"higher": 1.0, "lower": 0.0, "near_one": 1.0}
    for name, each in measured.items():
        direction = METRICS_BY_NAME[name].direction
        if direction in best:
            assert each.value == pytest.approx(best[direction], abs=1e-7), name


@given(pairs(), st.data())
def test_order_of_outcomes_does_not_matter(pair: Pair, data: st.DataObject) -> None:
    p, q = pair
    order = data.draw(st.permutations(range(p.size)))
    values = np.arange(p.size, dtype=float)
    moved = TargetArrays(p=p[order], values=values[order])
    assert_same(
        measure_probabilities(moved, log(q[order])),
        measure_probabilities(ordered(p), log(q)),
        set(NAMES),
    )


@given(pairs(min_mass=0.01), st.floats(0.01, 1.0))
def test_valid_only_metrics_do_not_see_invalid_mass(pair: Pair, kept: float) -> None:
    p, q = pair
    measured = measure_probabilities(ordered(p), log(q))
    diluted = measure_probabilities(ordered(p), log(kept * q))
    assert_same(diluted, measured, VALID_ONLY)
    assert diluted["valid_mass"].value == pytest.approx(kept * q.sum())


@given(pairs(min_mass=0.01), st.floats(0.01, 0.99))
def test_cut_lists_judge_the_shape_of_valid_replies(pair: Pair, m: float) -> None:
    p, q = pair
    cut = measure_probabilities(ordered(p, m), log(q))
    whole = measure_probabilities(ordered(p), log(renormalise(q)))
    assert_same(cut, whole, set(NAMES) - {"overlap", "valid_mass"})
    assert cut["overlap"].value == pytest.approx(overlap(p, q, m))
    assert cut["valid_mass"].value == pytest.approx(q.sum())


@given(count_tables(), st.data(), st.sampled_from([1.0, 0.3]))
@example(([10, 0, 5], 5), None, 1.0)
def test_counts_are_plug_in_probabilities(
    table: tuple[list[int], int], data: st.DataObject | None, m: float
) -> None:
    counts, n_invalid = table
    size = len(counts)
    p = np.full(size, 1 / size)
    if data is not None:
        p = data.draw(distributions(size=size))
    q = np.array(counts) / (sum(counts) + n_invalid)
    assert_same(
        measure_counts(ordered(p, m), counts, n_invalid),
        measure_probabilities(ordered(p, m), log(q)),
        set(NAMES) - SAMPLED_OTHERWISE,
    )


@given(count_tables(size=5))
def test_sampled_cut_lists_leave_unlisted_replies_out(
    table: tuple[list[int], int],
) -> None:
    counts, n_invalid = table
    counts = [each + 200 for each in counts]
    p = np.full(5, 0.2)
    cut = measure_counts(ordered(p, 0.5), counts, n_invalid)
    without = measure_counts(ordered(p), counts, 0)
    assert_same(cut, without, set(NAMES) - {"overlap", "valid_mass"})


def test_enough_replies_give_coverage_and_too_few_a_reason() -> None:
    target = ordered(np.full(2, 0.5))
    enough = measure_counts(target, [60, 40], 0)
    assert enough["coverage_100"].value == pytest.approx(1.0)
    assert enough["coverage_1000"].reason == (
        "coverage in 1000 draws needs 1000 replies, there are 100"
    )
    assert enough["coverage_ratio_1000"] == enough["coverage_1000"]
    few = measure_counts(target, [60, 39], 0)
    assert few["coverage_100"].value is None
    assert measure_counts(target, [60, 39], 1)["coverage_100"].value is not None


def test_cut_lists_do_not_rarefy_over_unlisted_replies() -> None:
    target = ordered(np.full(2, 0.5), 0.5)
    measured = measure_counts(target, [50, 49], 900)
    assert measured["coverage_100"].value is None
    assert measured["coverage_100"].reason is not None
    assert "there are 99" in measured["coverage_100"].reason


def test_a_missing_outcome_is_named_with_how_many_there_are() -> None:
    target = ordered(np.array([0.5, 0.25, 0.25, 0.0]))
    exact = measure_probabilities(target, log(np.array([0.5, 0.5, 0.0, 0.0])))
    assert exact["kl"].reason == "outcome 2 has probability 0"
    sampled = measure_counts(target, [7, 0, 0, 0], 3)
    assert sampled["kl"].reason == "outcome 1 was never drawn (2 such outcomes)"


def test_no_valid_mass_leaves_only_what_is_still_defined() -> None:
    for measured in (
        measure_probabilities(ordered(np.full(3, 1 / 3)), np.full(3, -np.inf)),
        measure_counts(ordered(np.full(3, 1 / 3)), [0, 0, 0], 1000),
    ):
        for name in VALID_ONLY:
            assert measured[name].reason == "the valid mass is 0", name
        assert measured["overlap"].value == 0.0
        assert measured["valid_mass"].value == 0.0
        assert measured["js"].value == METRICS_BY_NAME["js"].highest
        assert measured["hellinger"].value == 1.0
        assert measured["coverage_1000"].value == 0.0
        assert measured["top_ratio"].value == 0.0
        assert measured["kl"].value is None


def test_no_valid_mass_on_a_cut_list_leaves_only_overlap_and_valid_mass() -> None:
    target = ordered(np.full(3, 1 / 3), 0.5)
    for measured in (
        measure_probabilities(target, np.full(3, -np.inf)),
        measure_counts(target, [0, 0, 0], 1000),
    ):
        for name in set(NAMES) - {"overlap", "valid_mass"}:
            assert measured[name].reason == "the valid mass is 0", name
        assert measured["overlap"].value == 0.0


def test_unordered_outcomes_have_no_wasserstein() -> None:
    target = TargetArrays(p=np.full(2, 0.5))
    reason = "outcomes have no order"
    exact = measure_probabilities(target, np.log([0.5, 0.5]))
    assert exact["wasserstein"].reason == reason
    assert measure_counts(target, [0, 0], 1)["wasserstein"].reason == reason


def test_a_target_without_entropy_has_no_ratio() -> None:
    measured = measure_counts(ordered(np.array([1.0, 0.0])), [3, 1], 0)
    assert measured["entropy_ratio"].reason == "the target's entropy is 0"


def test_a_drawn_outcome_that_the_target_excludes_is_named() -> None:
    measured = measure_counts(ordered(np.array([1.0, 0.0, 0.0])), [3, 0, 1], 0)
    assert measured["kl_reverse_valid"].reason == "outcome 2 has target 0 but is drawn"


def test_a_target_too_small_to_divide_by_has_no_ratio() -> None:
    target = ordered(np.array([1.0, 5e-324]))
    measured = measure_probabilities(target, np.log([0.5, 0.5]))
    assert measured["top_ratio"].reason == ("outcome 1 has a target too small to divide by")
    assert measured["entropy_ratio"].reason == (
        "the target's entropy is too small to divide by"
    )


def test_bad_replies_are_refused() -> None:
    target = ordered(np.full(2, 0.5))
    with pytest.raises(ValueError, match="at least one reply"):
        measure_counts(target, [0, 0], 0)
    with pytest.raises(ValueError, match="n_invalid must not be negative, but got -1"):
        measure_counts(target, [1, 0], -1)
    with pytest.raises(ValueError, match="each of 2 outcomes"):
        measure_counts(target, [1, 0, 0], 0)
    with pytest.raises(ValueError, match="each of 2 outcomes"):
        measure_probabilities(target, [0.0])


def test_targets_are_checked_and_copied() -> None:
    p = np.array([0.5, 0.5])
    target = TargetArrays(p=p)
    p[0] = 9.0
    assert target.p.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="p must sum to 1"):
        TargetArrays(p=p)
    with pytest.raises(ValueError, match="values must hold one entry"):
        TargetArrays(p=np.array([1.0]), values=np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="listed_mass"):
        TargetArrays(p=np.array([1.0]), listed_mass=0.0)
