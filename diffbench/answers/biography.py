"""Read one reply as a biography sketch: six fields, each in braces.

A reply counts from its first visible character to its sixth closing brace: optional white
space, then `{name}`, `{gender}`, `{date of birth}`, `{place of birth}`, `{profession}` and
`{achievement}` with nothing but white space between them. Every other reply is malformed,
of a kind.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = [
    "MALFORMED_KINDS",
    "SKETCH_FIELDS",
    "Malformed",
    "MalformedKind",
    "Sketch",
    "read_sketch",
    "trim_sketch",
]

SKETCH_FIELDS: Final = (
    "name",
    "gender",
    "birth_date",
    "birth_place",
    "profession",
    "achievement",
)
"""The fields in the order in which a reply has them."""

MalformedKind = Literal[
    "empty",
    "no_braces",
    "talk_first",
    "talk_between",
    "cut_off",
    "too_few_fields",
    "nested_braces",
    "empty_field",
    "control_characters",
    "too_long",
]
MALFORMED_KINDS: tuple[MalformedKind, ...] = get_args(MalformedKind)

MOST_CHARACTERS: Final = 4000
"""No more of a reply is read."""

_MOST_IN_FIELD: Final = 200
_MOST_IN_ACHIEVEMENT: Final = 1000
_SURROGATES = re.compile("[\ud800-\udfff]")
# What turns the direction of the text around it.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A well-formed reply: the text of each field, composed (NFC), blanks collapsed."""

    name: str
    gender: str
    birth_date: str
    birth_place: str
    profession: str
    achievement: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The six texts in order."""
        return tuple(getattr(self, field) for field in SKETCH_FIELDS)


@dataclass(frozen=True, slots=True)
class Malformed:
    """The reply is no sketch; `kind` says in which way."""

    kind: MalformedKind


def trim_sketch(reply: str) -> str:
    """Cut a reply after its sixth closing brace, and after 4,000 characters.

    Halves of characters that no text can hold (lone surrogates) become U+FFFD.
    """
    text = _SURROGATES.sub("\ufffd", reply[:MOST_CHARACTERS])
    end = -1
    for _ in SKETCH_FIELDS:
        end = text.find("}", end + 1)
        if end < 0:
            return text
    return text[: end + 1]


def read_sketch(reply: str) -> Sketch | Malformed:
    """Read the six fields, or say in which way a reply fails.

    Kinds: `empty` (nothing visible), `no_braces` (no opening brace), `talk_first` and
    `talk_between` (words before the first braces, or between two), `cut_off` (a brace was
    opened and never closed), `too_few_fields`, `nested_braces`, `empty_field` (nothing
    visible in it), `control_characters` (a line break, another control character or one
    that turns the direction of text within a field), `too_long` (a field of more than 200
    characters, an achievement of more than 1,000, or no end within 4,000). Of several
    the first in the reply counts.
    """
    text = trim_sketch(reply)
    if not text.strip():
        return Malformed("empty")
    found: list[str] = []
    position = 0
    for field in SKETCH_FIELDS:
        opening = text.find("{", position)
        if opening < 0:
            return Malformed(_unopened(text, len(found)))
        if text[position:opening].strip():
            return Malformed("talk_between" if found else "talk_first")
        closing, nested = text.find("}", opening), text.find("{", opening + 1)
        if nested >= 0 and (closing < 0 or nested < closing):
            return Malformed("nested_braces")
        if closing < 0:
            return Malformed("too_long" if len(text) >= MOST_CHARACTERS else "cut_off")
        content = text[opening + 1 : closing]
        kind = _content_kind(content, field)
        if kind is not None:
            return Malformed(kind)
        found.append(" ".join(unicodedata.normalize("NFC", content).split()))
        position = closing + 1
    return Sketch(**dict(zip(SKETCH_FIELDS, found, strict=True)))


def _unopened(text: str, n_found: int) -> MalformedKind:
    if n_found:
        return "too_few_fields"
    return "too_long" if len(text) >= MOST_CHARACTERS else "no_braces"


def _content_kind(content: str, field: str) -> MalformedKind | None:
    most = _MOST_IN_ACHIEVEMENT if field == "achievement" else _MOST_IN_FIELD
    stripped = content.strip()
    if len(stripped) > most:
        return "too_long"
    if any(_is_control(character) for character in content):
        return "control_characters"
    # Composed, a field never grows beyond what was checked above by much.
    return None if stripped else "empty_field"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or character in _TURNING
