"""The part of a results file that holds open-ended tasks: biography sketches.

The distinct replies travel with it, so that every number can be computed again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from diffbench.results.base import Count, MetricEntry, Record, Sha256, TargetRecord
from diffbench.results.compact import Compact

__all__ = ["BiographyPrompt", "BiographyResult", "FieldValues", "ReferenceRecord"]


class FieldValues(Record):
    """The distinct values of one field, the commonest first."""

    values: Annotated[list[str], Compact("json")]
    counts: Annotated[list[Count], Compact("int64")]
    unread: Count
    """Well-formed replies in which the field could not be read."""


class BiographyPrompt(Record):
    """What one prompt measured."""

    id: str
    text: str
    prefix: str = ""
    """How the reply was already begun."""
    prompt_sha256: Sha256
    """Hash of text and prefix."""
    rendered_sha256: Sha256
    """Hash of the prompt as the chat template rendered it."""
    replies: Annotated[list[str], Compact("json")]
    """Distinct replies, cut after the sixth closing brace."""
    counts: Annotated[list[Count], Compact("int64")]
    malformed: dict[str, Count]
    """Replies of each kind that are no sketch."""
    fields: dict[str, FieldValues]
    metrics: dict[str, MetricEntry]
    equal_neighbours: Count | None = None
    """Replies that equal the one before; null where replies come in no order of their
    own."""


class ReferenceRecord(Record):
    """A real distribution that a field is compared with."""

    title: str
    target: TargetRecord


class BiographyResult(Record):
    """One biography task: mean over its prompts."""

    name: str
    title: str
    family: str
    split: Literal["train", "held_out"]
    version: str
    samples: Count
    """Replies a prompt."""
    max_new_tokens: Count
    references: dict[str, ReferenceRecord]
    """By field."""
    metrics: dict[str, MetricEntry]
    prompts: Annotated[list[BiographyPrompt], Field(min_length=1)]
