"""From a biography task file's keys to a checked `BiographyDefinition`."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictStr,
    ValidationError,
    model_validator,
)

from diffbench.answers import ValueField
from diffbench.assets import asset_dir
from diffbench.errors import TargetError, TaskError, brief, printable
from diffbench.suite.biography import BiographyDefinition, FieldReference
from diffbench.suite.definition import Prompt, Source
from diffbench.suite.schema import PromptEntry, Provenance, TargetBlock
from diffbench.suite.task_file import beside, target_of
from diffbench.suite.yaml_file import read_task_yaml

__all__ = [
    "BIOGRAPHY_CLASS",
    "biography_from_config",
    "check_sketch",
    "is_biography",
    "shipped_references",
]

BIOGRAPHY_CLASS: Final = "diffbench.harness.biography.BiographyTask"

# Two to six fields: one alone would be a closed answer.
_SKETCH = re.compile(r"\{[^{}]*\}(?:\s*\{[^{}]*\}){1,5}")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reference(_Strict):
    title: StrictStr
    target: TargetBlock


class _Sketches(_Strict):
    """Beginnings of replies in a CSV file, a row each, its columns the first fields."""

    csv: StrictStr


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    version: StrictStr | float


class _Block(_Strict):
    """What a biography task says beside lm-evaluation-harness's own keys."""

    title: StrictStr
    references: dict[ValueField, _Reference] = {}
    sketches: _Sketches | None = None
    prompts: dict[Literal["train", "held_out"], list[PromptEntry]]
    provenance: Provenance | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Annotated[StrictStr, Field(pattern=_NAME)]
    class_: Annotated[Any, Field(alias="class")]
    metadata: _Metadata
    biography: _Block
    split: Literal["train", "held_out"] = "train"
    tag: Any = None

    @model_validator(mode="after")
    def _is_usable(self) -> _File:
        name = self.class_ if isinstance(self.class_, str) else _dotted(self.class_)
        if name != BIOGRAPHY_CLASS:
            raise ValueError(f"class: got {brief(name)}; write !function {BIOGRAPHY_CLASS}")
        ids = [one.id for each in self.biography.prompts.values() for one in each]
        repeated = sorted({one for one in ids if ids.count(one) > 1})
        if repeated:
            raise ValueError(f"prompts: the id {repeated[0]!r} is used twice")
        if not self.biography.prompts.get(self.split):
            raise ValueError(f"prompts: the split {self.split} has no prompts")
        return self


def is_biography(config: Mapping[str, Any]) -> bool:
    """Whether a task file's keys are those of a biography task."""
    return "biography" in config


def biography_from_config(config: Mapping[str, Any], path: Path) -> BiographyDefinition:
    """Check the keys of one task file; `path` is for messages and its data files.

    Raises:
        TaskError: Names the file, the key and the value at fault.
    """
    try:
        content = _File.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "biography"
        message = first["msg"].removeprefix("Value error, ")
        raise TaskError(f"{path}: {where}: {printable(message, 400)}") from None
    block = content.biography
    return BiographyDefinition(
        name=content.task,
        title=block.title,
        version=str(content.metadata.version),
        references=tuple(
            _reference(field, one, path) for field, one in block.references.items()
        ),
        sketches=() if block.sketches is None else _sketches(block.sketches, path),
        prompts=tuple(
            Prompt(id=entry.id, split=split, text=entry.text, prefix=entry.prefix)
            for split, entries in block.prompts.items()
            for entry in entries
        ),
        split=content.split,
        file=path.name,
        source=Source(**block.provenance.model_dump()) if block.provenance else None,
    )


def check_sketch(text: str) -> str:
    """Return a beginning of a reply: two to six fields, each in braces.

    Raises:
        ValueError: If it is something else.
    """
    stripped = text.strip()
    if not _SKETCH.fullmatch(stripped):
        raise ValueError(
            f"{printable(text, 60)!r} begins no sketch; write two to six fields, each "
            "in braces and on a line of its own"
        )
    return stripped


@lru_cache(maxsize=1)
def shipped_references() -> tuple[FieldReference, ...]:
    """Return what the shipped biography tasks are compared with."""
    path = asset_dir("tasks") / "biographies" / "biographies.yaml"
    return biography_from_config(read_task_yaml(path), path).references


def _dotted(value: object) -> str | None:
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else None


def _reference(field: str, one: _Reference, path: Path) -> FieldReference:
    try:
        target = target_of(one.target, path.parent)
    except TargetError as error:
        where = f"{path}: biography.references.{field}"
        raise TaskError(f"{where}: {error}") from None
    return FieldReference(field=field, title=one.title, target=target)


def _sketches(block: _Sketches, path: Path) -> tuple[str, ...]:
    file = beside(path.parent, block.csv)
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle, strict=True))
        found = [
            check_sketch("\n".join("{" + field + "}" for field in row)) for row in rows[1:]
        ]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise TaskError(f"{file}: {printable(error, 300)}") from None
    if not found:
        raise TaskError(f"{file}: it lists no sketch")
    return tuple(found)
