"""Read one reply that holds several answers, each in braces of its own.

Of k answers that were asked for, each is an outcome or invalid of a kind, so that N replies
always make N k draws. What follows the k-th answer never counts.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from diffbench.answers.reply import AnswerRule, Valid, read_reply
from diffbench.answers.spellings import AnswerKey

__all__ = ["LIST_KINDS", "ListKind", "list_request", "read_list", "trim_list"]

ListKind = Literal[
    "empty",
    "no_braces",
    "talk_first",
    "talk_between",
    "cut_off",
    "too_few",
    "several_answers",
    "outside_support",
]
LIST_KINDS: tuple[ListKind, ...] = get_args(ListKind)

# Commas, semicolons, and the marks of a list's items: `2.`, `2)`, `-`, `*`.
_MARK = re.compile(r"[\s,;]*(?:(?:\d{1,4}[.)]|[-*•])[^\S\n]*)?")


def list_request(k: int) -> str:
    """Return the words that ask for k answers to the prompt before them."""
    return (
        f"Do this {k} times, each time anew and independently of the other times, and "
        f"write down all {k} answers one after another, in the order in which they came, "
        "each in curly braces of its own, like {first} {second} {third}. Write nothing "
        "but these answers."
    )


def trim_list(reply: str, k: int) -> str:
    """Cut a reply after its k-th closing brace."""
    end = 0
    for _ in range(k):
        found = reply.find("}", end)
        if found < 0:
            return reply
        end = found + 1
    return reply[:end]


def read_list(
    reply: str, key: AnswerKey, k: int, rule: AnswerRule = "first"
) -> tuple[int | ListKind, ...]:
    """Return k draws: the position of an outcome, or how the draw is invalid.

    Answers stand in a row, with nothing between them but white space, commas, semicolons
    and the marks of a list. Where something else comes, or nothing, all draws from there on
    are invalid: `empty`, `no_braces` or `talk_first` at the beginning; after an answer
    `talk_between`, `cut_off` (a brace that never closes) or `too_few`. An answer that is no
    outcome is one invalid draw, `several_answers` or `outside_support`. Under the rule
    `anywhere` words around the answers do not matter.
    """
    reply = trim_list(reply, k) if rule == "first" else reply
    draws: list[int | ListKind] = []
    at = 0
    while len(draws) < k:
        opening = _opening(reply, at, rule)
        closing = reply.find("}", opening) if opening >= 0 else -1
        if closing < 0:
            kind = _failure(reply, at, opening, is_first=not draws)
            return (*draws, *[kind] * (k - len(draws)))
        found = read_reply(reply[opening : closing + 1], key)
        if isinstance(found, Valid):
            draws.append(found.outcome)
        else:
            several = found.kind == "several_answers"
            draws.append("several_answers" if several else "outside_support")
        at = closing + 1
    return tuple(draws)


def _opening(reply: str, at: int, rule: AnswerRule) -> int:
    """Return where the next answer begins, or -1."""
    if rule == "anywhere":
        return reply.find("{", at)
    match = _MARK.match(reply, at)
    start = at if match is None else match.end()
    return start if reply.startswith("{", start) else -1


def _failure(reply: str, at: int, opening: int, *, is_first: bool) -> ListKind:
    if opening >= 0:
        return "cut_off"
    if not reply[at:].strip():
        return "empty" if is_first else "too_few"
    if not is_first:
        return "talk_between" if "{" in reply[at:] else "too_few"
    return "talk_first" if "{" in reply else "no_braces"
