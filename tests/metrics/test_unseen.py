from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.metrics import (
    FloatArray,
    entropy,
    entropy_chao_shen,
    entropy_miller_madow,
    unseen_mass,
)
from tests.metrics.strategies import distributions
from tests.metrics.test_ceilings import tables


@given(distributions(size=3), st.integers(2, 6))
def test_unseen_mass_has_the_mean_of_one_reply_less(p: FloatArray, n: int) -> None:
    mean = sum(chance * counts.count(1) / n for counts, chance in tables(p, n))
    truth = sum(q * (1 - q) ** (n - 1) for q in p)
    assert mean == pytest.approx(truth, abs=1e-9)
    for counts, _ in tables(p, n):
        found = unseen_mass(counts, n)
        assert found.value == (None if counts.count(1) == n else counts.count(1) / n)


def test_unseen_mass_counts_invalid_replies_as_replies() -> None:
    assert unseen_mass([1, 3, 0], 8).value == pytest.approx(1 / 8)


def test_miller_madow_takes_the_first_order_bias_away() -> None:
    rng = np.random.default_rng(0)
    p = np.full(20, 0.05)
    tables_ = rng.multinomial(500, p, size=400)
    raw = np.mean([entropy(c / 500) for c in tables_]) - math.log(20)
    corrected = np.mean([entropy_miller_madow(c).value or 0 for c in tables_]) - math.log(
        20
    )
    assert raw == pytest.approx(-19 / 1000, abs=0.002)
    assert abs(corrected) < 0.002


def test_chao_shen_by_hand() -> None:
    # N 4, f_1 2, coverage 1/2: shares 1/4, 1/8, 1/8.
    expected = sum(-q * math.log(q) / (1 - (1 - q) ** 4) for q in (1 / 4, 1 / 8, 1 / 8))
    assert entropy_chao_shen([2, 1, 1, 0]).value == pytest.approx(expected, rel=1e-12)


def test_chao_shen_sees_more_than_was_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(200, np.full(200, 1 / 200), size=200)
    found = float(np.mean([entropy_chao_shen(counts).value or 0.0 for counts in drawn]))
    assert abs(found - math.log(200)) < 0.15
    assert np.mean([entropy(c / 200) for c in drawn]) - math.log(200) < -0.5


def test_each_says_where_it_fails() -> None:
    assert unseen_mass([1, 1, 0], 2).reason == "no outcome was drawn twice"
    assert entropy_chao_shen([1, 1, 0]).reason == "no outcome was drawn twice"
    assert entropy_miller_madow([1] * 12 + [88]).reason == (
        "12% of the mass is unseen, more than 10%"
    )
    for found in (
        unseen_mass([0, 0], 5),
        entropy_chao_shen([0]),
        entropy_miller_madow([0]),
    ):
        assert found.reason == "no reply is valid"


def test_a_single_outcome_has_no_entropy() -> None:
    assert entropy_chao_shen([50, 0]).value == pytest.approx(0.0, abs=1e-12)
    assert entropy_miller_madow([50, 0]).value == pytest.approx(0.0, abs=1e-12)
