"""From a reply to an outcome, or to a kind of invalid reply: the answer rule."""

from __future__ import annotations

from diffbench.answers.biography import (
    MALFORMED_KINDS,
    SKETCH_FIELDS,
    Malformed,
    MalformedKind,
    Sketch,
    read_sketch,
    trim_sketch,
)
from diffbench.answers.biography_values import (
    VALUE_FIELDS,
    KnownValues,
    ValueField,
    read_values,
    value_key,
)
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
    "MALFORMED_KINDS",
    "MAX_SPELLINGS",
    "SKETCH_FIELDS",
    "VALUE_FIELDS",
    "AnswerKey",
    "AnswerRule",
    "Invalid",
    "InvalidKind",
    "KnownValues",
    "ListKind",
    "Malformed",
    "MalformedKind",
    "Sketch",
    "Valid",
    "ValueField",
    "Variant",
    "answer_string",
    "list_request",
    "make_answer_key",
    "read_list",
    "read_reply",
    "read_sketch",
    "read_values",
    "trim_list",
    "trim_reply",
    "trim_sketch",
    "value_key",
]
