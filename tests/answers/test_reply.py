from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.answers import (
    INVALID_KINDS,
    AnswerRule,
    Invalid,
    InvalidKind,
    Valid,
    make_answer_key,
    read_reply,
    trim_reply,
)
from diffbench.targets import Outcome, make_target

KEY = make_answer_key(
    make_target([Outcome(text=text) for text in ("3", "4", "7", "Côte d'Ivoire")]),
    ["padded"],
)
SEVEN, IVORY_COAST = Valid(2), Valid(3)

Reading = Valid | InvalidKind

REPLIES: list[tuple[str, Reading]] = [
    ("{7}", SEVEN),
    (" {7}", SEVEN),
    ("\n{7}", SEVEN),
    ("\t{7}", SEVEN),
    ("\r\n\n \u00a0{7}", SEVEN),
    ("{7}. Enjoy!", SEVEN),
    ("{7}{8}", SEVEN),
    ("{7}}", SEVEN),
    ("{ 7 }", SEVEN),
    ("{Côte d'Ivoire}", IVORY_COAST),
    ("{8}{7}", "outside_support"),
    ("{8}", "outside_support"),
    ("{}", "outside_support"),
    ("{ }", "outside_support"),
    ("{7 }", "outside_support"),
    ("{  7  }", "outside_support"),
    ("{\n7}", "outside_support"),
    ("{7.}", "outside_support"),
    ("{07}", "outside_support"),
    ("{7\0}", "outside_support"),
    ("{\u200b7}", "outside_support"),
    ("{\uff17}", "outside_support"),  # a full-width digit
    ("{côte d'ivoire}", "outside_support"),
    ("{Co\u0302te d'Ivoire}", "outside_support"),  # NFD: the list is literal
    ("{{7}}", "outside_support"),
    ("{3, 8}", "outside_support"),
    ("{3, 4}", "several_answers"),
    ("{3,4,7}", "several_answers"),
    ("{3 or 4}", "several_answers"),
    ("{3/4}", "several_answers"),
    ("{3\n4}", "several_answers"),
    ("{3 {4}", "several_answers"),
    ("{7", "cut_off"),
    ("{", "cut_off"),
    ("The answer is {7", "cut_off"),
    ("no", "no_braces"),
    ("7", "no_braces"),
    ("7}", "no_braces"),
    ("(7)", "no_braces"),
    ("", "empty"),
    (" \n\t\u3000", "empty"),
    ("{7}" + "{8}" * 100_000, SEVEN),
    # Separators are looked for in linear time.
    ("{" + " " * 200_000 + "}", "outside_support"),
    ("{" + "\n, " * 100_000 + "}", "outside_support"),
    ("{" * 200_000, "cut_off"),
]


# Words before the braces: what the rule `first` makes of it, and what `anywhere` does.
AFTER_WORDS: list[tuple[str, InvalidKind, Reading]] = [
    ("Sure! Here is your number: {7}", "talk_first", SEVEN),
    ("Sure! Here is your number: {5}", "talk_first", "outside_support"),
    ("**{7}**", "talk_first", SEVEN),
    ("\0{7}", "talk_first", SEVEN),
    ("\ufeff{7}", "talk_first", SEVEN),
    ("\x1b[1m{3, 4}", "talk_first", "several_answers"),
    ("so} {7}", "no_braces", SEVEN),
    ("word " * 100_000 + "{7}", "talk_first", SEVEN),
]


def result(reading: Reading) -> Valid | Invalid:
    return reading if isinstance(reading, Valid) else Invalid(reading)


@pytest.mark.parametrize("rule", ["first", "anywhere"])
@pytest.mark.parametrize(("reply", "reading"), REPLIES, ids=lambda value: str(value)[:24])
def test_replies(reply: str, reading: Reading, rule: AnswerRule) -> None:
    assert read_reply(reply, KEY, rule) == result(reading)


@pytest.mark.parametrize(
    ("reply", "first", "anywhere"), AFTER_WORDS, ids=lambda value: str(value)[:24]
)
def test_words_first(reply: str, first: InvalidKind, anywhere: Reading) -> None:
    assert read_reply(reply, KEY) == Invalid(first)
    assert read_reply(reply, KEY, "anywhere") == result(anywhere)


def test_padding_needs_its_variant() -> None:
    key = make_answer_key(make_target([Outcome(text="3"), Outcome(text="7")]))
    assert read_reply("{7}", key) == Valid(1)
    assert read_reply("{ 7 }", key) == Invalid("outside_support")


def test_every_kind_of_invalid_reply_is_shown_above() -> None:
    kinds = [reading for _, reading in REPLIES] + [first for _, first, _ in AFTER_WORDS]
    assert {kind for kind in kinds if isinstance(kind, str)} == {*INVALID_KINDS}


PIECES = st.sampled_from(["{", "}", "{7}", "{ 4 }", "7", " ", "\n", "so", ", ", "\0", "é"])
TALK = st.lists(PIECES, max_size=8).map("".join) | st.text()


@settings(deadline=None)
@given(TALK, st.text(max_size=8))
def test_only_an_answer_behind_white_space_counts(reply: str, more: str) -> None:
    answers = {answer: Valid(i) for i in range(4) for answer in KEY.answers(i)}
    read = read_reply(reply, KEY)
    assert (read if isinstance(read, Valid) else None) == answers.get(
        trim_reply(reply).lstrip()
    )
    if "}" in reply:
        assert read_reply(trim_reply(reply) + more, KEY) == read


@settings(deadline=None)
@given(TALK)
def test_the_wider_rule_only_adds_answers(reply: str) -> None:
    first = read_reply(reply, KEY)
    if isinstance(first, Valid):
        assert read_reply(reply, KEY, "anywhere") == first
