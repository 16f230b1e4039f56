from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.answers import (
    LEAD_INS,
    MAX_SPELLINGS,
    AnswerKey,
    Valid,
    Variant,
    answer_string,
    make_answer_key,
    read_reply,
)
from diffbench.errors import TargetError
from diffbench.targets import Outcome, Target, make_target


def key_of(*outcomes: Outcome, variants: tuple[Variant, ...] = ()) -> AnswerKey:
    return make_answer_key(make_target([*outcomes, Outcome(text="other")]), variants)


@pytest.mark.parametrize(
    ("text", "aliases", "variants", "expected"),
    [
        ("Kiwi", (), (), ["Kiwi"]),
        ("Kiwi", (), ("lower",), ["Kiwi", "kiwi"]),
        ("Kiwi", (), ("upper",), ["Kiwi", "KIWI"]),
        ("red KIWI", (), ("capitalized",), ["red KIWI", "Red KIWI"]),
        ("Kiwi", (), ("padded",), ["Kiwi", " Kiwi "]),
        ("Kiwi", ("Kiwifruit",), ("padded",), ["Kiwi", "Kiwifruit", " Kiwi "]),
        ("Ki", ("Pip",), ("lower", "upper"), ["Ki", "Pip", "ki", "KI", "pip", "PIP"]),
        # Said twice is said once.
        ("kiwi", ("kiwi", "Kiwi"), ("lower", "capitalized"), ["kiwi", "Kiwi"]),
        ("7", (), ("lower", "upper", "capitalized"), ["7"]),
        # Names and case forms are in NFC, however they were written.
        ("cafe\u0301", (), ("upper",), ["caf\u00e9", "CAF\u00c9"]),
        ("\u0390", (), ("upper",), ["\u0390", "\u03aa\u0301"]),
    ],
)
def test_accepted_spellings(
    text: str, aliases: tuple[str, ...], variants: tuple[Variant, ...], expected: list[str]
) -> None:
    key = key_of(Outcome(text=text, aliases=aliases), variants=variants)
    assert list(key.spellings[0]) == expected
    assert key.answers(0) == tuple("{" + spelling + "}" for spelling in expected)


def test_at_most_eight_spellings() -> None:
    aliases = tuple(f"x{i}" for i in range(MAX_SPELLINGS))
    full, too_many = (Outcome(text="X", aliases=names) for names in (aliases[1:], aliases))
    assert len(key_of(full).spellings[0]) == MAX_SPELLINGS == 8
    with pytest.raises(TargetError, match="outcome 'X' has 9 accepted spellings"):
        key_of(too_many)
    with pytest.raises(TargetError, match="outcome 'X' has 9 accepted spellings"):
        key_of(full, variants=("padded",))


@pytest.mark.parametrize(
    ("one", "two", "variants", "spelling"),
    [
        (Outcome(text="US"), Outcome(text="us"), ("lower",), "us"),
        (Outcome(text="US"), Outcome(text="us"), ("upper",), "US"),
        (Outcome(text="us"), Outcome(text="Us"), ("capitalized",), "Us"),
        (Outcome(text="Congo", aliases=("DRC",)), Outcome(text="DRC"), (), "DRC"),
        (
            Outcome(text="a", aliases=("Cong\u00f3",)),
            Outcome(text="b", aliases=("Congo\u0301",)),
            (),
            "Cong\u00f3",
        ),
        (Outcome(text="a", aliases=("Pip",)), Outcome(text="pip"), ("lower",), "pip"),
    ],
)
def test_a_shared_spelling_is_refused(
    one: Outcome, two: Outcome, variants: tuple[Variant, ...], spelling: str
) -> None:
    with pytest.raises(
        TargetError,
        match=f"outcomes '{one.text}' and '{two.text}' share the spelling '{spelling}'",
    ):
        make_answer_key(make_target([one, two]), variants)


def test_names_that_differ_in_case_are_fine_without_variants() -> None:
    key = make_answer_key(make_target([Outcome(text="US"), Outcome(text="us")]))
    assert (read_reply("{US}", key), read_reply("{us}", key)) == (Valid(0), Valid(1))


def test_an_answer_that_begins_with_another_is_refused() -> None:
    # make_target refuses braces in names; a target built by hand can still hold them.
    by_hand = Target(
        outcomes=("a}b", "c", "a"), probabilities=(0.5, 0.25, 0.25), aliases=((), (), ())
    )
    with pytest.raises(TargetError, match=r"'\{a\}' is the prefix of '\{a\}b\}'"):
        make_answer_key(by_hand)


NAMES = st.text("abAB7é ,'-", min_size=1, max_size=4).map(str.strip).filter(bool)
VARIANTS: st.SearchStrategy[list[Variant]] = st.lists(
    st.sampled_from(["lower", "upper", "capitalized", "padded"]), unique=True
)


@st.composite
def keys(draw: st.DrawFn) -> AnswerKey:
    names = draw(st.lists(NAMES, min_size=3, max_size=9, unique_by=str.casefold))
    n_outcomes = draw(st.integers(2, len(names)))
    outcomes = [
        Outcome(text=name, aliases=tuple(names[n_outcomes:]) if i == 0 else ())
        for i, name in enumerate(names[:n_outcomes])
    ]
    variants = draw(VARIANTS if len(names) - n_outcomes < 2 else st.just([]))
    return make_answer_key(make_target(outcomes), variants)


@settings(deadline=None)
@given(keys(), st.text(" \n\t\r\u00a0", max_size=3), st.text(max_size=5))
def test_every_spelling_reads_back_as_its_own_outcome(
    key: AnswerKey, blanks: str, tail: str
) -> None:
    for outcome, accepted in enumerate(key.spellings):
        for spelling in accepted:
            for lead_in in (*LEAD_INS, blanks):
                reply = lead_in + answer_string(spelling) + tail
                assert read_reply(reply, key) == Valid(outcome)


@settings(deadline=None)
@given(keys())
def test_no_answer_is_the_prefix_of_another(key: AnswerKey) -> None:
    answers = [answer for i in range(len(key.spellings)) for answer in key.answers(i)]
    assert not any(two.startswith(one) for one, two in permutations(answers, 2))
