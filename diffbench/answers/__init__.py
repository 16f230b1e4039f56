"""From a reply to an outcome, or to a kind of invalid reply: the answer rule."""

from __future__ import annotations

from diffbench.answers.lists import (
    LIST_KINDS,
    ListKind,
    list_request,
    read_list,
    trim_list,
)
from diffbench.answers.reply import (
    INVALID_KINDS,
    AnswerRule,
    Invalid,
    InvalidKind,
    Valid,
    read_reply,
    trim_reply,
)
from diffbench.answers.spellings import (
    LEAD_INS,
    MAX_SPELLINGS,
    AnswerKey,
    Variant,
    answer_string,
    make_answer_key,
)

__all__ = [
    "INVALID_KINDS",
    "LEAD_INS",
    "LIST_KINDS",
    "MAX_SPELLINGS",
    "AnswerKey",
    "AnswerRule",
    "Invalid",
    "InvalidKind",
    "ListKind",
    "Valid",
    "Variant",
    "answer_string",
    "list_request",
    "make_answer_key",
    "read_list",
    "read_reply",
    "trim_list",
    "trim_reply",
]
