from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diffbench.answers import (
    INVALID_KINDS,
    AnswerRule,
    Valid,
    answer_string,
    make_answer_key,
    read_reply,
)
from diffbench.errors import ModelError
from diffbench.harness.measure import exact_prompt, sampled_prompt, target_record
from diffbench.metrics import METRICS
from diffbench.targets import Outcome, Target, make_target
from tests.results.factory import COLOURS, definition

FRUIT = make_target(
    [
        Outcome(text="apple"),
        Outcome(text="kiwi", weight=2, aliases=("kiwi fruit", "actinidia")),
        Outcome(text="fig", aliases=("FIG",)),
    ]
)
TASK = definition(FRUIT, key=make_answer_key(FRUIT, ["capitalized"]))
N_SPELLINGS = [len(accepted) for accepted in TASK.key.spellings]
COLOUR = definition(COLOURS)

RULES: st.SearchStrategy[AnswerRule] = st.sampled_from(("first", "anywhere"))
ANSWERS = st.sampled_from([answer_string(s) for s in TASK.key.index])
REPLIES = st.one_of(
    ANSWERS,
    st.tuples(st.sampled_from(["", " ", "\n", "Sure! ", "{", "}"]), ANSWERS, st.text())
    .map("".join),
    st.text(),
    st.text("{}aple ,\n", max_size=8),
)  # fmt: skip


# Exact


@given(st.integers(1, 3), st.data())
@settings(deadline=None, max_examples=100)
def test_probabilities_are_summed_over_spellings_and_lead_ins(
    n_lead_ins: int, data: st.DataObject
) -> None:
    n = sum(N_SPELLINGS) * n_lead_ins
    masses = data.draw(st.lists(st.floats(0, 1 / n), min_size=n, max_size=n))
    log_p = [math.log(mass) if mass > 0 else -math.inf for mass in masses]

    expected, position = [], 0
    for n_spellings in N_SPELLINGS:
        total = 0.0
        for _ in range(n_spellings):
            for _ in range(n_lead_ins):
                total += math.exp(log_p[position])
                position += 1
        expected.append(total)

    exact = exact_prompt(TASK, "p0", log_p)
    assert exact.id == "p0"
    assert exact.probabilities == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert exact.valid_mass == pytest.approx(sum(expected), rel=1e-9, abs=1e-300)
    assert exact.metrics["valid_mass"].value == pytest.approx(exact.valid_mass, abs=1e-12)
    assert list(exact.metrics) == [metric.name for metric in METRICS]


def test_numbers_by_hand() -> None:
    # Target (1/2, 1/4, 1/4): overlap = 0.3 + 0.25 + 0.1, KL = ln(5/3)/2 + ln(5/2)/4.
    exact = exact_prompt(COLOUR, "p0", [math.log(q) for q in (0.3, 0.25, 0.1)])
    assert exact.metrics["overlap"].value == pytest.approx(0.65)
    kl = math.log(5 / 3) / 2 + math.log(5 / 2) / 4
    assert exact.metrics["kl"].value == pytest.approx(kl)
    assert {entry.n for entry in exact.metrics.values()} == {None}


@pytest.mark.parametrize("excess", [1e-9, 1e-4, 0.0199])
def test_a_sum_slightly_above_1_is_normalised(excess: float) -> None:
    masses = [0.5 * (1 + excess), 0.3 * (1 + excess), 0.2 * (1 + excess)]
    exact = exact_prompt(COLOUR, "p0", [math.log(q) for q in masses])
    assert exact.probabilities == pytest.approx([0.5, 0.3, 0.2], rel=1e-12)
    assert exact.metrics["overlap"].value == pytest.approx(0.95)


@pytest.mark.parametrize("total", [1.0201, 1.5, 3.0])
def test_a_sum_far_above_1_is_refused(total: float) -> None:
    log_p = [math.log(total / 3)] * 3
    with pytest.raises(ModelError, match=r"task diffbench_coin, prompt p7: .* sum to [13]"):
        exact_prompt(COLOUR, "p7", log_p)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_log_probabilities_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ModelError, match="which no model can mean"):
        exact_prompt(COLOUR, "p0", [bad, -1.0, -2.0])


def test_a_model_that_never_answers_has_no_mass_but_every_metric() -> None:
    exact = exact_prompt(COLOUR, "p0", [-math.inf] * 3)
    assert exact.probabilities == [0, 0, 0]
    assert exact.metrics["overlap"].value == 0
    assert exact.metrics["kl"].reason == "outcome 0 has probability 0 (3 such outcomes)"


def test_the_record_holds_all_of_the_target() -> None:
    ordered = make_target(
        [Outcome(text="1", value=1), Outcome(text="2", value=2, aliases=("two",))],
        listed_mass=0.5,
    )
    for target in (ordered, FRUIT):
        record = target_record(target)
        values = None if record.values is None else tuple(record.values)
        assert target == Target(
            outcomes=tuple(record.outcomes),
            probabilities=tuple(record.probabilities),
            aliases=tuple(map(tuple, record.aliases)),
            values=values,
            listed_mass=record.listed_mass,
        )
        assert record.sha256 == target.sha256


# Sampled


@given(st.lists(REPLIES, min_size=1, max_size=30), RULES)
@settings(deadline=None, max_examples=150)
@example(
    ["{apple}{apple}", "}{apple}", "{}", "{{apple}}", "{apple", "\0", "\x1b[31m"], "first"
)
def test_every_reply_is_counted_once(replies: list[str], rule: AnswerRule) -> None:
    drawn = sampled_prompt(TASK, "p0", iter(replies), rule)
    assert sum(drawn.counts) + sum(drawn.invalid.values()) == len(replies)
    assert sum(drawn.replies.values()) == len(replies)
    assert set(drawn.invalid) <= set(INVALID_KINDS)
    assert all(n > 0 for n in [*drawn.invalid.values(), *drawn.replies.values()])
    assert {entry.n for entry in drawn.metrics.values()} == {len(replies)}
    share = sum(drawn.counts) / len(replies)
    assert drawn.metrics["valid_mass"].value == pytest.approx(share)


@given(st.lists(REPLIES, min_size=1, max_size=30), RULES)
@settings(deadline=None, max_examples=100)
def test_each_outcomes_count_is_that_of_its_replies(
    replies: list[str], rule: AnswerRule
) -> None:
    read = [read_reply(reply, TASK.key, rule) for reply in replies]
    counts = Counter(answer.outcome for answer in read if isinstance(answer, Valid))
    drawn = sampled_prompt(TASK, "p0", replies, rule)
    assert drawn.counts == [counts[outcome] for outcome in range(FRUIT.size)]


def test_replies_are_told_apart_up_to_the_answers_end_and_sorted() -> None:
    replies = ["{fig}", "{fig} Enjoy!", "{apple}\n", "none", "{kiwi fruit}", " {fig}"]
    drawn = sampled_prompt(TASK, "p0", replies)
    assert list(drawn.replies.items()) == [
        ("{fig}", 2),
        (" {fig}", 1),
        ("none", 1),
        ("{apple}", 1),
        ("{kiwi fruit}", 1),
    ]
    assert (drawn.counts, drawn.invalid) == ([1, 1, 3], {"no_braces": 1})


def test_the_rule_decides_what_talking_first_is_worth() -> None:
    replies = ["Sure! {fig}", "a} or b} {fig}"]
    first = sampled_prompt(TASK, "p0", replies, "first")
    assert (sum(first.counts), sum(first.invalid.values())) == (0, 2)
    anywhere = sampled_prompt(TASK, "p0", replies, "anywhere")
    assert (anywhere.counts, anywhere.invalid) == ([0, 0, 2], {})
    assert set(anywhere.replies) == set(replies)


def test_invalid_kinds_are_sorted_so_that_files_do_not_depend_on_the_order() -> None:
    replies = ["x", "{x}", "", "{apple", "ok {apple}", "{apple, fig}"]
    expected = dict.fromkeys(sorted(INVALID_KINDS), 1)
    for order in (replies, replies[::-1]):
        invalid = sampled_prompt(TASK, "p0", order).invalid
        assert list(invalid.items()) == list(expected.items())
