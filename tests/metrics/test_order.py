from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.metrics import equal_neighbours, expected_neighbours, repeats_p


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=7))
def test_mean_and_variance_by_every_order(labels: list[int]) -> None:
    seen = [equal_neighbours(order) for order in itertools.permutations(labels)]
    law = expected_neighbours(np.bincount(labels))
    assert law.mean == pytest.approx(np.mean(seen))
    assert law.variance == pytest.approx(np.var(seen), abs=1e-9)


def test_independent_replies_give_every_p_alike() -> None:
    rng = random.Random(0)
    found = []
    for _ in range(400):
        samples = [rng.choices("aaabbc", k=60) for _ in range(5)]
        laws = [expected_neighbours([s.count(x) for x in "abc"]) for s in samples]
        found.append(repeats_p([equal_neighbours(s) for s in samples], laws) or 0.0)
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_every_tenth_reply_copied_is_found() -> None:
    rng = random.Random(0)
    replies = rng.choices(range(10), k=1000)
    for i in range(10, 1000, 10):
        replies[i] = replies[i - 1]
    law = expected_neighbours(np.bincount(replies))
    found = repeats_p([equal_neighbours(replies)], [law])
    assert found is not None and found < 1e-6


@pytest.mark.parametrize("labels", [[], ["a"], ["a"] * 9, ["a", "b"]])
def test_where_no_order_shows_anything_there_is_no_p(labels: list[str]) -> None:
    counts = [max(1, labels.count("a")), labels.count("b")]
    assert repeats_p([equal_neighbours(labels)], [expected_neighbours(counts)]) is None
