"""Read one reply under the answer rule.

A reply counts from its first visible character to its first closing brace: optional
white space, `{`, an accepted spelling, `}`. Everything else is invalid, of a kind.
The rule `anywhere` takes the first complete braces anywhere instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from diffbench.answers.spellings import AnswerKey

__all__ = [
    "INVALID_KINDS",
    "AnswerRule",
    "Invalid",
    "InvalidKind",
    "Valid",
    "read_reply",
    "trim_reply",
]

AnswerRule = Literal["first", "anywhere"]
InvalidKind = Literal[
    "empty",
    "no_braces",
    "cut_off",
    "talk_first",
    "several_answers",
    "outside_support",
]
INVALID_KINDS: tuple[InvalidKind, ...] = get_args(InvalidKind)

# No `\s*` around: on a reply of mere blanks that takes time cubic in its length.
_SEPARATORS = re.compile(r"[,;/|\n{]|\band\b|\bor\b")


@dataclass(frozen=True, slots=True)
class Valid:
    """The reply is the outcome at position `outcome` of the target."""

    outcome: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """The reply is no outcome; `kind` says in which way."""

    kind: InvalidKind


def trim_reply(reply: str) -> str:
    """Cut a reply after its first closing brace; what follows never counts."""
    return reply[: reply.find("}") + 1] if "}" in reply else reply


def read_reply(reply: str, key: AnswerKey, rule: AnswerRule = "first") -> Valid | Invalid:
    """Map a reply to an outcome or to the way in which it is invalid.

    Kinds: `empty` (nothing visible), `no_braces` (no opening brace), `cut_off` (a brace
    was opened and never closed), `talk_first` (words before the braces; rule `first`
    only), `several_answers` (more than one answer in the braces), `outside_support`.
    """
    text = (trim_reply(reply) if rule == "first" else reply).lstrip()
    if not text:
        return Invalid("empty")
    opening = text.find("{")
    if opening < 0:
        return Invalid("no_braces")
    closing = text.find("}", opening)
    if closing < 0:
        return Invalid("cut_off")
    if opening > 0 and rule == "first":
        return Invalid("talk_first")
    return _read_content(text[opening + 1 : closing], key)


def _read_content(content: str, key: AnswerKey) -> Valid | Invalid:
    outcome = key.index.get(content)
    if outcome is not None:
        return Valid(outcome)
    parts = [part for part in map(str.strip, _SEPARATORS.split(content)) if part]
    if len(parts) > 1 and all(part in key.index for part in parts):
        return Invalid("several_answers")
    return Invalid("outside_support")
