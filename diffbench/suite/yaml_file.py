"""Read a task YAML without importing lm-evaluation-harness.

Understands what the harness's own loader does with it: `!function` (kept as the dotted
name) and `include:` (keys of the including file win).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from diffbench.errors import TaskError, printable

__all__ = ["read_task_yaml"]


class _Loader(yaml.SafeLoader):
    """A safe loader of its own, so that no other YAML user meets `!function`."""


class _FunctionName(str):
    """A dotted name behind `!function`, told apart from plain text."""

    __slots__ = ()


def _function_name(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.constructor.ConstructorError(
            None, None, "!function needs a dotted name", node.start_mark
        )
    return _FunctionName(loader.construct_scalar(node))


def _mapping_without_repeats(
    loader: yaml.SafeLoader, node: yaml.MappingNode
) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands twice", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("!function", _function_name)
_Loader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_repeats
)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Any:
    # Four variants include each base file. What is returned is shared: never change it.
    return yaml.load(text, Loader=_Loader)  # noqa: S506


def read_task_yaml(path: Path, _above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return a task file's keys with its includes merged in.

    Raises:
        TaskError: Names the file and, where YAML gives one, the line.
    """
    text = _read(path)
    path = path.resolve()
    if path in _above:
        raise TaskError(f"{path}: include: the file includes itself")
    try:
        content = _parse(text)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise TaskError(f"{path}: not valid YAML: {_one_line(error)}") from None
    if not isinstance(content, dict):
        raise TaskError(f"{path}: a task file is a mapping of keys, not a {_kind(content)}")
    name = content.get("class")
    if isinstance(name, str) and not isinstance(name, _FunctionName):
        raise TaskError(
            f"{path}: class: {printable(name)!r} is plain text; write !function before it"
        )
    merged: dict[str, Any] = {}
    for name in _includes(path, content.get("include", [])):
        merged.update(read_task_yaml(path.parent / name, (*_above, path)))
    return merged | {key: value for key, value in content.items() if key != "include"}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise TaskError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise TaskError(f"{path}: not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TaskError(f"{printable(path)}: cannot be read ({reason})") from None


def _includes(path: Path, value: object) -> list[str]:
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise TaskError(f"{path}: include: write a file name or a list of them")
    return [str(name) for name in names]


def _kind(content: object) -> str:
    return "blank file" if content is None else type(content).__name__


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
