"""Which settings a seed draws, and that no seed leads from one set into the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.errors import TargetError
from diffbench.instructed import (
    HELD_OUT_FAMILIES,
    INSTRUCTED_FAMILIES,
    InstructedFamily,
    Setting,
    is_held_out,
)
from diffbench.instructed.generate import generate_settings

TRAINED = [name for name in INSTRUCTED_FAMILIES if name not in HELD_OUT_FAMILIES]
PAIRED = {"coin", "die", "weighted_2", "weighted_3", "weighted_5", "weighted_9", "urn"}
LISTED = sorted(PAIRED)

seeds = st.integers(0, 2**63 - 1)
by_family = pytest.mark.parametrize("family", INSTRUCTED_FAMILIES)

# The first eight digits of a hash over the words of two settings of each family, seed 1.
GOLDEN = {
    "coin": "4640c0bf",
    "die": "1e7b35c0",
    "weighted_2": "929a96cb",
    "weighted_3": "c8e10fc0",
    "weighted_5": "82bafd05",
    "weighted_9": "c56b19c8",
    "binomial": "f5be8eaa",
    "poisson": "bdc24f64",
    "normal": "1eac1489",
    "uniform": "5a3d8ae7",
    "urn": "f2a58800",
    "geometric": "5abc1873",
    "two_dice": "6a23add3",
}


def drawn(
    family: InstructedFamily,
    seed: int,
    split: Literal["train", "held_out"] | None = None,
    n: int = 2,
) -> tuple[Setting, ...]:
    split = split or ("held_out" if family in HELD_OUT_FAMILIES else "train")
    return generate_settings(family, seed=seed, split=split, n=n)


def laws(some: tuple[Setting, ...]) -> Iterator[tuple[float, ...]]:
    """Yield each target without its names, the same for settings that mirror another."""
    for setting in some:
        yield tuple(sorted(outcome.weight for outcome in setting.outcomes))


def statements(some: tuple[Setting, ...]) -> set[str]:
    return {
        json.dumps(dict(telling.phrases), sort_keys=True)
        for setting in some
        for telling in setting.tellings
    }


def fingerprint(family: InstructedFamily) -> str:
    words = [
        [setting.title, *(asdict(telling) for telling in setting.tellings)]
        for setting in drawn(family, 1)
    ]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:8]


@by_family
def test_a_seed_is_all_that_decides(family: InstructedFamily) -> None:
    assert drawn(family, 1) == drawn(family, 1)
    assert drawn(family, 1) != drawn(family, 2)
    assert fingerprint(family) == GOLDEN[family]


@pytest.mark.parametrize("family", TRAINED)
@settings(max_examples=15, deadline=None)
@given(one=seeds, other=seeds)
def test_no_seed_trains_what_another_holds_out(
    family: InstructedFamily, one: int, other: int
) -> None:
    """In words, and as laws without names, where these do not merely shift."""
    trained, held_out = drawn(family, one, "train", 8), drawn(family, other, "held_out", 4)
    assert not statements(trained) & statements(held_out)
    if family not in ("uniform", "normal"):
        assert not set(laws(trained)) & set(laws(held_out))


@pytest.mark.parametrize("family", TRAINED)
def test_a_quarter_is_held_out(family: InstructedFamily) -> None:
    keys = [(i, i + 1, 2 * i) for i in range(2000)]
    share = sum(is_held_out(family, key) for key in keys) / len(keys)
    assert share == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("family", sorted(HELD_OUT_FAMILIES))
def test_some_families_cannot_be_trained(family: InstructedFamily) -> None:
    with pytest.raises(TargetError, match=f"the family {family} is held out whole"):
        drawn(family, 1, "train")


@by_family
def test_no_parameters_come_twice(family: InstructedFamily) -> None:
    some = drawn(family, 3, n=10)
    assert len(some) == 10
    assert len({setting.title + str(setting.outcomes) for setting in some}) == 10


def test_more_than_there_is() -> None:
    with pytest.raises(TargetError, match="has no 500 held_out settings; ask for at most "):
        drawn("coin", 1, "held_out", 500)


def test_half_a_pair() -> None:
    with pytest.raises(TargetError, match=r"come in pairs .*; ask for 4, not 3"):
        drawn("coin", 1, "train", 3)


class TestOrderIsCounterbalanced:
    @pytest.mark.parametrize("family", LISTED)
    def test_each_setting_is_told_in_both_orders(self, family: InstructedFamily) -> None:
        for setting in drawn(family, 5, n=4):
            forward, backward = setting.tellings
            assert forward.listed is not None and backward.listed is not None
            assert forward.listed == backward.listed[::-1]
            assert set(forward.listed) == {outcome.text for outcome in setting.outcomes}
            for telling in (forward, backward):
                for phrase in telling.phrases.values():
                    self._in_order(phrase, telling.listed or ())

    def _in_order(self, phrase: str, listed: tuple[str, ...]) -> None:
        # Faces of a die are named behind `for` or `times`, which chances never are.
        phrase = phrase.replace(" for ", " ×").replace(" times ", " ×")
        marked = [f"×{name}" if f"×{name}" in phrase else name for name in listed]
        places = [phrase.index(name) for name in marked]
        assert places == sorted(places), phrase

    @pytest.mark.parametrize("family", LISTED)
    def test_the_second_of_a_pair_reverses_every_rank(
        self, family: InstructedFamily
    ) -> None:
        for one, other in zip(*[iter(drawn(family, 6, n=8))] * 2, strict=True):
            names = [outcome.text for outcome in one.outcomes]
            assert names == [outcome.text for outcome in other.outcomes]
            a = [outcome.weight for outcome in one.outcomes]
            b = [outcome.weight for outcome in other.outcomes]
            assert a != b and sorted(a) == sorted(b)
            order = sorted(range(len(a)), key=lambda i: (a[i], i))
            assert [b[i] for i in order] == sorted(b, reverse=True)

    @pytest.mark.parametrize("family", sorted(set(INSTRUCTED_FAMILIES) - PAIRED))
    def test_others_list_nothing(self, family: InstructedFamily) -> None:
        for setting in drawn(family, 7):
            assert [telling.listed for telling in setting.tellings] == [None]
