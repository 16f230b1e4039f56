"""What a reply's beginning can still become, against reading whole replies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.answers import AnswerRule, Valid, make_answer_key, read_reply
from diffbench.harness.outlook import INVALID, ReplyOutlook
from diffbench.targets import Outcome, make_target

KEY = make_answer_key(
    make_target(
        [Outcome(text="1"), Outcome(text="10"), Outcome(text="ten", aliases=("Zehn",))]
    ),
    ("padded",),
)
RULES: tuple[AnswerRule, ...] = ("first", "anywhere")
PIECES = ["{", "}", "1", "0", "ten", "Zehn", " ", "\n", "a", "{1", "0}", "\ufffd"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None)
@given(text=TEXTS)
def test_an_ended_reply_is_read_as_replies_are(rule: AnswerRule, text: str) -> None:
    answer = read_reply(text, KEY, rule)
    expected = answer.outcome if isinstance(answer, Valid) else INVALID
    assert ReplyOutlook(KEY, rule).verdict(text, ended=True) == expected


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None)
@given(text=TEXTS, more=TEXTS)
def test_what_is_decided_stays_so(rule: AnswerRule, text: str, more: str) -> None:
    outlook = ReplyOutlook(KEY, rule)
    verdict = outlook.verdict(text, ended=False)
    if verdict is not None:
        assert outlook.verdict(text + more, ended=False) == verdict
        assert outlook.verdict(text + more, ended=True) == verdict


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None)
@given(text=TEXTS, more=TEXTS)
def test_every_outcome_that_follows_was_reachable(
    rule: AnswerRule, text: str, more: str
) -> None:
    outlook = ReplyOutlook(KEY, rule)
    if outlook.verdict(text, ended=False) is not None:
        return
    # A half character at the end may become any other text.
    verdict = outlook.verdict(text.rstrip("\ufffd") + more, ended=True)
    if verdict != INVALID:
        assert verdict in outlook.reachable(text)


@pytest.mark.parametrize(
    ("rule", "text", "reachable"),
    [
        ("first", "", (0, 1, 2)),
        ("first", " \n{1", (0, 1)),
        ("first", "{10", (1,)),
        ("first", "{Ze", (2,)),
        ("first", "{2", ()),
        ("first", "Sure! {", ()),
        ("anywhere", "Sure! ", (0, 1, 2)),
        ("anywhere", "Sure! {t", (2,)),
        ("anywhere", "Sure! {x", ()),
    ],
)
def test_reachable_outcomes(
    rule: AnswerRule, text: str, reachable: tuple[int, ...]
) -> None:
    assert ReplyOutlook(KEY, rule).reachable(text) == reachable
