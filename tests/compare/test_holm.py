"""Holm's adjustment against the closed test that it is a shortcut for."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.compare.holm import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def _closed(p_values: list[float]) -> list[float]:
    """Adjust by closing Bonferroni's test: the largest p of any subset that holds one."""
    every = range(len(p_values))
    subsets = [s for size in every for s in combinations(every, size + 1)]
    return [
        max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in subsets if i in s)
        for i in every
    ]


@given(P_VALUES)
def test_equals_the_closed_test(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(_closed(p_values))


def test_a_known_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.1])
def test_what_is_no_p_value_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="p-values lie in"):
        holm([0.5, wrong])
