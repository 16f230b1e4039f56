"""The targets of the laws against counting, sums and integrals of their definitions."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from diffbench.instructed.laws import (
    TAIL,
    draw_binomial,
    draw_geometric,
    draw_normal,
    draw_poisson,
    draw_two_dice,
    draw_uniform,
)
from diffbench.instructed.setting import Draw, Setting

seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(max_examples=15, deadline=None)


def only(drawn: Draw) -> Setting:
    (setting,) = drawn.settings
    return setting


def probabilities(setting: Setting) -> dict[int, float]:
    assert all(outcome.value == float(outcome.text) for outcome in setting.outcomes)
    return {int(outcome.text): outcome.weight for outcome in setting.outcomes}


def said(setting: Setting) -> dict[str, str]:
    (telling,) = setting.tellings
    return dict(telling.phrases)


def check_tail(setting: Setting, sides: int) -> None:
    """What is kept and what is cut make one, and less than `TAIL` is cut on a side."""
    kept = math.fsum(outcome.weight for outcome in setting.outcomes)
    assert kept == pytest.approx(setting.listed_mass, abs=1e-14)
    assert 0 < 1 - setting.listed_mass < sides * TAIL
    # One outcome fewer on either side would cut too much.
    assert 1 - setting.listed_mass + sides * setting.outcomes[-1].weight > sides * TAIL


@few
@seeds
def test_binomial_counts_every_sequence(seed: int) -> None:
    setting = only(draw_binomial(np.random.default_rng(seed)))
    n, p = int(said(setting)["n"]), Fraction(said(setting)["decimal"])
    assert said(setting)["percent"] == f"{100 * p}%"
    exact = {k: math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)}
    assert sum(exact.values()) == 1
    found = probabilities(setting)
    assert found == pytest.approx({k: float(v) for k, v in exact.items()}, rel=1e-12)
    assert setting.listed_mass == 1


def test_binomial_is_what_tries_give() -> None:
    setting = only(draw_binomial(np.random.default_rng(3)))
    n, p = int(said(setting)["n"]), float(said(setting)["decimal"])
    weights: dict[int, float] = {}
    for tries in product((0, 1), repeat=n):
        k = sum(tries)
        weights[k] = weights.get(k, 0.0) + p**k * (1 - p) ** (n - k)
    assert probabilities(setting) == pytest.approx(weights, rel=1e-12)


@few
@seeds
def test_poisson_follows_its_recursion(seed: int) -> None:
    setting = only(draw_poisson(np.random.default_rng(seed)))
    mean = float(said(setting)["mean"])
    p, expected = math.exp(-mean), {}
    for k in range(len(setting.outcomes)):
        expected[k] = p
        p *= mean / (k + 1)
    assert probabilities(setting) == pytest.approx(expected, rel=1e-11)
    check_tail(setting, sides=1)


@few
@seeds
def test_geometric_counts_the_first_success(seed: int) -> None:
    setting = only(draw_geometric(np.random.default_rng(seed)))
    p = float(said(setting)["decimal"])
    expected = {k: p * (1 - p) ** (k - 1) for k in range(1, len(setting.outcomes) + 1)}
    assert probabilities(setting) == pytest.approx(expected, rel=1e-11)
    assert setting.listed_mass == pytest.approx(
        1 - (1 - p) ** len(setting.outcomes), abs=1e-15
    )
    check_tail(setting, sides=1)


@few
@seeds
def test_normal_integrates_its_density(seed: int) -> None:
    setting = only(draw_normal(np.random.default_rng(seed)))
    mean, sd = float(said(setting)["mean"]), float(said(setting)["sd"])

    def density(x: float) -> float:
        return math.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))

    found = probabilities(setting)
    for k in list(found)[:: max(1, len(found) // 9)]:
        area, _ = quad(density, k - 0.5, k + 0.5, epsabs=0, epsrel=1e-10)
        assert found[k] == pytest.approx(area, rel=1e-9)
    assert min(found) >= 0
    assert list(found.values()) == pytest.approx(list(found.values())[::-1], rel=1e-12)
    check_tail(setting, sides=2)


@few
@seeds
def test_uniform_leaves_no_one_out(seed: int) -> None:
    setting = only(draw_uniform(np.random.default_rng(seed)))
    first, last = int(said(setting)["first"]), int(said(setting)["last"])
    n = last - first + 1
    assert probabilities(setting) == {k: 1 / n for k in range(first, last + 1)}


@few
@seeds
def test_two_dice_count_all_throws(seed: int) -> None:
    setting = only(draw_two_dice(np.random.default_rng(seed)))
    a, b = (
        [int(face) for face in said(setting)[which].replace(" and", ",").split(", ")]
        for which in ("faces_a", "faces_b")
    )
    assert len(a) == len(b) == 6 and a != b and list(range(1, 7)) not in (a, b)
    throws = Counter(x + y for x, y in product(a, b))
    assert probabilities(setting) == pytest.approx({k: n / 36 for k, n in throws.items()})
