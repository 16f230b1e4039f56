"""Parse `--model` values, without importing torch."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffbench.errors import ModelError, did_you_mean, printable

__all__ = ["ModelSpec", "demo_model_dir", "model_aliases", "parse_model"]

_HERE = Path(__file__).resolve().parent
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Where a model comes from.

    Attributes:
        text: What the user wrote.
        kind: The embedded demo model, a local folder, or a hub repository.
        source: A folder or repository id that transformers can load.
        name: A name to show and record; never an absolute path.
    """

    text: str
    kind: Literal["demo", "folder", "hub"]
    source: str
    name: str


def demo_model_dir() -> Path:
    """Return the folder of the embedded demo model."""
    return _HERE.parent / "demo" / "model"


def model_aliases() -> dict[str, str]:
    """Return short model names and the hub repositories that they stand for."""
    with (_HERE / "aliases.csv").open(encoding="utf-8", newline="") as handle:
        return {row["alias"]: row["repository"] for row in csv.DictReader(handle)}


def parse_model(text: str) -> ModelSpec:
    """Parse a `--model` value.

    Raises:
        ModelError: If it names no known kind of model, folder or alias.
    """
    if text == "demo":
        return ModelSpec(text=text, kind="demo", source=str(demo_model_dir()), name="demo")
    kind, colon, rest = text.partition(":")
    if not colon or kind != "hf":
        raise ModelError(
            f"--model {printable(text)!r} is not a model; write demo, hf:<folder>, "
            f"hf:<repository id> or hf:<alias>.{did_you_mean(text, _all_names())}"
        )
    if not rest:
        raise ModelError("--model 'hf:' names no model; write hf:<folder or repository>")
    path, is_there = _look_up(rest)
    if is_there and path.is_dir():
        return ModelSpec(
            text=text, kind="folder", source=str(path), name=path.resolve().name
        )
    if is_there or rest.startswith((".", "/", "~")):
        problem = "is a file, not a folder" if is_there else "does not exist"
        raise ModelError(
            f"the model folder {printable(rest)!r} {problem}; name a folder that holds "
            "config.json, the weights and the tokenizer"
        )
    repository = model_aliases().get(rest.lower(), rest)
    if not _REPOSITORY.fullmatch(repository):
        raise ModelError(
            f"{printable(rest)!r} is neither a folder, an alias nor a repository id such "
            f"as Qwen/Qwen3-8B.{did_you_mean(rest.lower(), model_aliases())} "
            "`diffbench models list` shows the aliases."
        )
    return ModelSpec(text=text, kind="hub", source=repository, name=repository)


def _look_up(text: str) -> tuple[Path, bool]:
    path = Path(text)
    try:
        path = path.expanduser()
        return path, path.exists()
    except (OSError, RuntimeError, ValueError):
        # No such user, a name of 300 characters, a folder that may not be read.
        return path, False


def _all_names() -> list[str]:
    return ["demo", *(f"hf:{alias}" for alias in model_aliases())]
