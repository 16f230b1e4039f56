"""Replies that hold several answers: what each draw is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.answers import (
    LIST_KINDS,
    Valid,
    list_request,
    make_answer_key,
    read_list,
    read_reply,
    trim_list,
)
from diffbench.targets import Outcome, make_target

KEY = make_answer_key(make_target([Outcome(text=t) for t in ("1", "2", "x, y")]))
TEXTS = st.text(st.sampled_from("{}12 ,;.-*)\nxya"), max_size=60)


@pytest.mark.parametrize(
    ("reply", "draws"),
    [
        ("{1} {2} {1}", (0, 1, 0)),
        ("\n {1},{2};\n{x, y}", (0, 1, 2)),
        ("1. {1}\n2. {2}\n3) {1}", (0, 1, 0)),
        ("- {1}\n- {2}\n* {2}", (0, 1, 1)),
        ("{1}{1}{1}{2} and much more", (0, 0, 0)),
        ("{1} {7} {2}", (0, "outside_support", 1)),
        ("{1} {1, 2} {2}", (0, "several_answers", 1)),
        ("{1} {{2} {2}", (0, "outside_support", 1)),
        ("{1} {2}", (0, 1, "too_few")),
        ("{1}. That is all.", (0, "too_few", "too_few")),
        ("{1} and then {2} {2}", (0, "talk_between", "talk_between")),
        ("{1} {2} {1", (0, 1, "cut_off")),
        ("{1", ("cut_off",) * 3),
        ("", ("empty",) * 3),
        (" \n", ("empty",) * 3),
        ("1, 2, 1", ("no_braces",) * 3),
        ("Sure! {1} {2} {1}", ("talk_first",) * 3),
    ],
)
def test_draws(reply: str, draws: tuple[int | str, ...]) -> None:
    assert read_list(reply, KEY, 3) == draws


def test_words_do_not_matter_anywhere() -> None:
    assert read_list("Sure: {1}, then {2}.", KEY, 3, "anywhere") == (0, 1, "too_few")


@given(TEXTS, st.integers(2, 5))
def test_every_reply_makes_k_draws(reply: str, k: int) -> None:
    draws = read_list(reply, KEY, k)
    assert len(draws) == k
    assert all(draw in LIST_KINDS or draw in range(3) for draw in draws)
    assert read_list(trim_list(reply, k), KEY, k) == draws
    alone = read_reply(reply, KEY)
    # But for the mark of a list, a first answer alone means the same.
    if isinstance(alone, Valid):
        assert draws[0] == alone.outcome


@given(st.lists(st.integers(0, 2), min_size=2, max_size=9))
def test_what_is_written_is_read(outcomes: list[int]) -> None:
    reply = " ".join("{" + ("1", "2", "x, y")[o] + "}" for o in outcomes)
    assert read_list(reply, KEY, len(outcomes)) == tuple(outcomes)
    assert trim_list(f"{reply} {{1}}", len(outcomes)) == reply


def test_the_request_says_how_many() -> None:
    assert list_request(7).count("7") == 2
