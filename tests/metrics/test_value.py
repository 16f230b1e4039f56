from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import MetricValue, aggregate

FINITE = st.floats(-1e9, 1e9)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_is_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        MetricValue(value=bad)


def test_a_value_has_a_number_or_a_reason() -> None:
    assert MetricValue(value=0.0).reason is None
    assert MetricValue(value=None, reason="why").reason == "why"
    with pytest.raises(ValueError, match="either"):
        MetricValue(value=None)
    with pytest.raises(ValueError, match="either"):
        MetricValue(value=0.0, reason="why")
    with pytest.raises(ValueError, match="needs a reason"):
        MetricValue(value=None, reason="")


def test_a_value_does_not_change() -> None:
    value = MetricValue(value=1.0)
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, 2.0)


@given(st.lists(FINITE, min_size=1))
def test_aggregate_is_the_mean(numbers: list[float]) -> None:
    mean = aggregate([MetricValue(value=number) for number in numbers]).value
    assert mean == pytest.approx(math.fsum(numbers) / len(numbers), rel=1e-12)


@given(st.lists(FINITE), st.lists(st.sampled_from(["one", "two"]), min_size=1))
def test_aggregate_never_averages_over_a_null(
    numbers: list[float], reasons: list[str]
) -> None:
    values = [MetricValue(value=number) for number in numbers]
    nulls = [MetricValue(value=None, reason=reason) for reason in reasons]
    mean = aggregate([*nulls, *values])
    assert mean.value is None
    assert mean.reason is not None
    counted = f"{len(nulls)} of {len(nulls) + len(values)}"
    assert mean.reason.startswith(counted)
    assert mean.reason.endswith(f"(first: {reasons[0]})")


def test_aggregate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        aggregate([])
