"""Open-ended tasks: a biography sketch of a made-up person, in six braces.

There is no list of outcomes and no target. A task may name references, real distributions
of some of the fields, and sketches of the first fields that a model can be trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from diffbench.suite.definition import Prompt, Source, Split, TaskDefinition
from diffbench.targets import Target

__all__ = ["BIOGRAPHY_FAMILY", "AnyTask", "BiographyDefinition", "FieldReference"]

BIOGRAPHY_FAMILY = "biographies"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReference:
    """A real distribution that a field's values are compared with.

    Attributes:
        field: Name of the field, one of VALUE_FIELDS.
        title: What it is the distribution of.
        target: The distribution.
    """

    field: str
    title: str
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class BiographyDefinition:
    """Prompts that ask for a biography sketch of a made-up person.

    Attributes:
        name: The task's name in lm-evaluation-harness.
        references: Real distributions of some fields, at most one a field.
        sketches: Beginnings of replies to train on, equally likely; perhaps none.
        split: The prompts that this task measures.
        file: Name of the file that defines it, for messages.
    """

    name: str
    title: str
    version: str
    references: tuple[FieldReference, ...]
    sketches: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    split: Split
    file: str
    source: Source | None = None
    family: str = BIOGRAPHY_FAMILY

    @property
    def measured_prompts(self) -> tuple[Prompt, ...]:
        """The prompts of this task's split."""
        return tuple(prompt for prompt in self.prompts if prompt.split == self.split)


AnyTask: TypeAlias = TaskDefinition | BiographyDefinition
"""What can be measured."""
