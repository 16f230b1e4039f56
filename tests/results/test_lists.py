"""Several draws a reply: what is estimated, and that its intervals hold."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from diffbench.harness.lists import listed_prompt
from diffbench.harness.measure import target_record
from diffbench.metrics import IntArray, equal_pairs, one_draw_a_reply
from diffbench.results import RunResult, metrics_from_counts, verify_result
from diffbench.results.lists import metrics_from_lists
from diffbench.targets import Outcome, make_target
from tests.results.factory import (
    Content,
    content_of,
    definition,
    make_run_of,
    sampled_task,
    seal,
)

FAIR = make_target([Outcome(text=str(i)) for i in range(4)])
RECORD = target_record(FAIR)
REPLIES = ["{heads} {tails} {heads}"] * 30 + ["{tails} {tails}"] * 20 + ["?"] * 10

tables = st.integers(2, 4).flatmap(
    lambda k: st.lists(
        st.lists(st.integers(0, 3), min_size=k, max_size=k), min_size=2, max_size=8
    )
)
Sample = Callable[[np.random.Generator], IntArray]
N, PER_REPLY, RUNS = 60, 4, 25


@given(tables)
def test_each_sample_has_one_draw_of_each_reply(rows: list[list[int]]) -> None:
    draws = np.array(rows)
    samples = one_draw_a_reply(draws)
    assert samples.shape == draws.T.shape
    assert (np.sort(samples.T, axis=1) == np.sort(draws, axis=1)).all()
    assert (one_draw_a_reply(draws) == samples).all()


@given(tables)
def test_equal_pairs_are_counted(rows: list[list[int]]) -> None:
    size = 3
    valid = [(i, y) for i, row in enumerate(rows) for y in row if y < size]
    pairs: dict[bool, list[bool]] = {True: [], False: []}
    for (i, a), (j, b) in combinations(valid, 2):
        pairs[i == j].append(a == b)
    found = equal_pairs(np.array(rows), size)
    for value, same in ((found.within, pairs[True]), (found.between, pairs[False])):
        assert value == (pytest.approx(np.mean(same)) if same else None)


def copies(rng: np.random.Generator) -> IntArray:
    """One draw, written down again and again."""
    return np.repeat(rng.integers(0, 4, (N, 1)), PER_REPLY, axis=1)


def decks(rng: np.random.Generator) -> IntArray:
    """Every outcome once before any comes again."""
    return np.stack([rng.permutation(4) for _ in range(N)])


def free(rng: np.random.Generator) -> IntArray:
    return rng.integers(0, 4, (N, PER_REPLY))


def half(rng: np.random.Generator) -> IntArray:
    """Whole replies that are valid or not, with a favourite: overlap 0.45, mass 0.7."""
    drawn = rng.choice(4, (N, 1), p=[0.75, 0.25, 0, 0])
    drawn[rng.random((N, 1)) < 0.3] = 4
    return np.repeat(drawn, PER_REPLY, axis=1)


def _missed(entry: Any, truth: float) -> bool:
    return not entry.interval.lo - 1e-9 <= truth <= entry.interval.hi + 1e-9


@pytest.mark.parametrize(
    ("sample", "overlap", "mass"),
    [(copies, 1, 1), (decks, 1, 1), (free, 1, 1), (half, 0.25 + 0.175, 0.7)],
)
def test_intervals_cover_whatever_the_dependence(
    sample: Sample, overlap: float, mass: float
) -> None:
    """More misses than the 99.9 % quantile at 5 % would be a fault."""
    allowed = binom.ppf(0.999, RUNS, 0.05)
    missed = {"overlap": 0, "valid_mass": 0}
    for seed in range(RUNS):
        draws = sample(np.random.default_rng(seed)).ravel().tolist()
        found = metrics_from_lists(RECORD, draws, PER_REPLY)
        missed["overlap"] += _missed(found["overlap"], overlap)
        missed["valid_mass"] += _missed(found["valid_mass"], mass)
    assert max(missed.values()) <= allowed, missed


def test_counting_all_draws_as_independent_would_not_cover() -> None:
    missed = 0
    for seed in range(RUNS):
        counts = np.bincount(half(np.random.default_rng(seed)).ravel(), minlength=5)
        naive = metrics_from_counts(RECORD, counts[:4].tolist(), int(counts[4]))
        missed += _missed(naive["valid_mass"], 0.7)
    assert missed > binom.ppf(0.999, RUNS, 0.05)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_the_valid_mass_is_that_of_all_draws(seed: int) -> None:
    draws = half(np.random.default_rng(seed)).ravel()
    found = metrics_from_lists(RECORD, draws.tolist(), PER_REPLY)["valid_mass"]
    assert found.value == pytest.approx(np.mean(draws < 4))
    assert found.n == N
    assert found.interval is not None
    assert found.interval.method == "one draw a reply: Clopper-Pearson"


@pytest.mark.parametrize("draws", [[], [0, 1, 2], [0, 5], [0, -1]])
def test_half_a_reply_is_refused(draws: list[int]) -> None:
    with pytest.raises(ValueError, match="not those of replies of 2 draws"):
        metrics_from_lists(RECORD, draws, 2)


def run_of_lists() -> RunResult:
    content = content_of(make_run_of(sampled_task(["{heads}"])))
    drawn = listed_prompt(definition(draws=3), REPLIES)
    (task,) = content["tasks"]
    (prompt,) = task["prompts"]
    metrics = {name: one.model_dump(mode="json") for name, one in drawn.metrics.items()}
    invalid = {kind: float(n) for kind, n in drawn.invalid.items()}
    prompt |= {"counts": drawn.counts, "invalid": invalid, "metrics": metrics}
    prompt |= {"fit": drawn.fit.model_dump(), "lists": drawn.lists.model_dump(mode="json")}
    prompt["equal_neighbours"] = None
    settings = {"protocol": "list", "draws_per_reply": 3, "samples": 60}
    content["settings"] |= settings
    task["metrics"] = metrics
    result = RunResult.model_validate(seal(content))
    return make_run_of(*result.tasks).model_copy(update={"settings": result.settings})


class TestVerify:
    RUN = run_of_lists()

    def problems(self, edit: Callable[[Content], Any]) -> list[str]:
        content = content_of(self.RUN)
        edit(content)
        return verify_result(RunResult.model_validate(seal(content)))

    def prompt(self, **keys: Any) -> list[str]:
        return self.problems(lambda c: c["tasks"][0]["prompts"][0].update(keys))

    def lists(self, **keys: Any) -> list[str]:
        return self.problems(lambda c: c["tasks"][0]["prompts"][0]["lists"].update(keys))

    def test_sound(self) -> None:
        assert verify_result(self.RUN) == []
        (prompt,) = self.RUN.tasks[0].prompts
        assert prompt.counts == [60, 70]
        assert prompt.invalid == {"no_braces": 30, "too_few": 20}

    def test_other_counts(self) -> None:
        assert any("not those of the replies" in p for p in self.prompt(counts=[70, 60]))

    def test_other_pairs(self) -> None:
        (problem,) = self.lists(equal_within=0.5)
        assert "equal_within or equal_between does not follow" in problem

    def test_other_draws(self) -> None:
        draws = [0] * 180
        assert any("overlap is " in problem for problem in self.lists(draws=draws))

    def test_draws_of_another_number(self) -> None:
        assert any(
            "but the settings say 3" in problem for problem in self.lists(per_reply=2)
        )

    def test_no_lists(self) -> None:
        assert any("hold 1 draws" in problem for problem in self.prompt(lists=None))

    def test_another_protocol(self) -> None:
        problems = self.problems(lambda c: c["settings"].update(protocol="independent"))
        assert "settings: draws_per_reply does not fit the protocol" in problems
