from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from diffbench.metrics import (
    distinct_interval,
    distinct_ngrams,
    jackknife_variance,
    rarefied_coverage,
    rarefied_distinct,
    unigram_diversity,
    words,
)


def replies_of(counts: list[int], unread: int) -> list[int | None]:
    return [k for k, n in enumerate(counts) for _ in range(n)] + [None] * unread


def brute_force(replies: list[int | None], n: int) -> float:
    """Average the distinct values of every subset."""
    sizes = [len(set(chosen) - {None}) for chosen in combinations(replies, n)]
    return float(np.mean(sizes))


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.integers(0, 2),
    st.integers(1, 6),
)
def test_rarefaction_is_the_mean_over_all_subsets(
    counts: list[int], unread: int, n: int
) -> None:
    replies = replies_of(counts, unread)
    if n > len(replies):
        with pytest.raises(ValueError, match="at most total"):
            rarefied_distinct(counts, len(replies), n)
        return
    found = rarefied_distinct(counts, len(replies), n)
    assert found == pytest.approx(brute_force(replies, n), abs=1e-9)
    as_share = rarefied_coverage(counts, len(replies), n) * len(counts)
    assert found == pytest.approx(as_share, abs=1e-9)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.integers(0, 2),
    st.integers(1, 5),
)
def test_the_jackknife_leaves_out_each_reply(
    counts: list[int], unread: int, n: int
) -> None:
    replies = replies_of(counts, unread)
    if n >= len(replies):
        return
    without = [brute_force(replies[:i] + replies[i + 1 :], n) for i in range(len(replies))]
    spread = np.var(without) * (len(replies) - 1)
    assert jackknife_variance(counts, len(replies), n) == pytest.approx(spread, abs=1e-9)


def test_all_replies_are_their_own_sample() -> None:
    assert rarefied_distinct([5, 3, 0, 1], 12, 12) == pytest.approx(3)
    assert distinct_interval([5, 3, 0, 1], 12, 12) is None


LAWS = {
    "collapsed": np.array([0.99, *[0.0002] * 50]),
    "twelve": np.full(12, 1 / 12),
    "thousands": np.full(5000, 1 / 5000),
    "Zipf": np.arange(1, 2001) ** -1.0 / np.sum(np.arange(1, 2001) ** -1.0),
    "a third malformed": np.full(400, 2 / 3 / 400),
}


@pytest.mark.parametrize("law", LAWS)
def test_intervals_miss_no_oftener_than_chance_allows(law: str) -> None:
    """Of 200 samples, no more misses than the 99.9 % quantile at 5 %."""
    rng, q = np.random.default_rng(3), LAWS[law]
    truth = float(-np.expm1(100 * np.log1p(-q)).sum())
    whole = np.append(q, max(0.0, 1.0 - q.sum()))
    missed = 0
    for _ in range(200):
        drawn = rng.multinomial(200, whole / whole.sum())[:-1]
        found = distinct_interval(drawn, 200, 100)
        assert found is not None
        missed += not found.lo - 1e-9 <= truth <= found.hi + 1e-9
    assert missed <= binom.ppf(0.999, 200, 0.05)


def test_words_are_runs_of_letters_in_one_case() -> None:
    assert words("Wrote 3 novels; the Queen’s — well-known!") == [
        "wrote",
        "3",
        "novels",
        "the",
        "queen’s",
        "well-known",
    ]
    assert words("") == []


def test_distinct_ngrams_by_hand() -> None:
    texts = [["a", "b", "a"], ["a", "b"], []]
    assert distinct_ngrams(texts, 1).value == pytest.approx(2 / 5)
    assert distinct_ngrams(texts, 2).value == pytest.approx(2 / 3)
    assert distinct_ngrams(texts, 4).reason == "no text has 4 words"


def test_unigram_diversity_does_not_depend_on_the_number_of_texts() -> None:
    """Its mean over samples of either size is that of a draw of n words."""
    rng, n = np.random.default_rng(0), 50
    law = np.arange(1, 101) ** -1.0
    law /= law.sum()
    truth = float(-np.expm1(n * np.log1p(-law)).sum()) / n
    for size in (60, 600):
        found = []
        for _ in range(300):
            text = [str(word) for word in rng.choice(100, size=size, p=law)]
            value = unigram_diversity([text], n).value
            assert value is not None
            found.append(value)
        error = np.std(found) / np.sqrt(len(found))
        assert np.mean(found) == pytest.approx(truth, abs=4 * error)
    assert unigram_diversity([["a"]], 2).reason == "there are 1 words, fewer than 2"
