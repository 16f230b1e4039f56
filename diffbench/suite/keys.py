"""The keys that every task file has, and what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from diffbench.errors import TaskError, brief, printable
from diffbench.suite.definition import Mode, Split

__all__ = [
    "check_keys",
    "read_block",
    "task_mode",
    "task_name",
    "task_split",
    "task_version",
]

_HARNESS_KEYS = frozenset({"task", "class", "split", "metadata", "tag"})

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

Block = TypeVar("Block", bound=BaseModel)


def check_keys(config: Mapping[str, Any], path: Path, block: str) -> None:
    """Refuse a group, and keys that no task file has.

    Raises:
        TaskError: Names the file and the key.
    """
    if "group" in config:
        raise TaskError(
            f"{path}: group: this file lists tasks and is none itself; name its folder"
        )
    known = {*_HARNESS_KEYS, block}
    unknown = sorted(map(str, set(config) - known))
    if unknown:
        raise TaskError(
            f"{path}: {printable(unknown[0])}: unknown key; a task file has "
            f"{', '.join(sorted(known))}"
        )


def task_name(value: object, path: Path) -> str:
    """Return the task's name, or refuse it."""
    # Results are kept in files of this name.
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise TaskError(
            f"{path}: task: got {brief(value)}; a name has letters, digits, _, - and . only"
        )
    return value


def read_block(model: type[Block], content: object, key: str, path: Path) -> Block:
    """Check all that DiffBench adds to lm-evaluation-harness's own keys.

    Raises:
        TaskError: Names the file, the key and the value at fault.
    """
    if content is None:
        raise TaskError(
            f"{path}: {key}: the key is missing; it holds the family, title, "
            "target and prompts"
        )
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (key, *first["loc"]))
        got = (
            ""
            if isinstance(first["input"], dict | list)
            else f" (got {brief(first['input'])})"
        )
        message = first["msg"].removeprefix("Value error, ")
        raise TaskError(f"{path}: {where}: {printable(message + got)}") from None


def task_version(metadata: object, path: Path) -> str:
    """Return the version, or refuse its absence."""
    version = metadata.get("version") if isinstance(metadata, Mapping) else None
    if version is None:
        raise TaskError(f"{path}: metadata.version: missing; write a number such as 1.0")
    return str(version)


def task_split(value: object, path: Path) -> Split:
    """Return the split, or refuse it."""
    if value not in ("train", "held_out"):
        raise TaskError(f"{path}: split: got {brief(value)}; write train or held_out")
    return value


def task_mode(value: object, path: Path, classes: Mapping[str, Mode]) -> Mode:
    """Return the mode that the file's class stands for, or refuse the class."""
    name = value if isinstance(value, str) else _dotted_name(value)
    if name is None or name not in classes:
        raise TaskError(
            f"{path}: class: got {brief(name)}; write !function {next(iter(classes))}"
        )
    return classes[name]


def _dotted_name(value: object) -> str | None:
    # lm-evaluation-harness has already turned !function into the class itself.
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else None
