"""Parse `--model` values, without importing torch."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffbench.errors import ModelError, did_you_mean, printable
from diffbench.models.address import parse_address, public_address

__all__ = ["ModelSpec", "demo_model_dir", "model_aliases", "parse_model"]

_HERE = Path(__file__).resolve().parent
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Where a model comes from.

    Attributes:
        text: What the user wrote; an `api:` URL's query may hold a key.
        kind: The embedded demo model, a local folder, a hub repository, or a model that
            a server offers.
        source: A folder or repository id that transformers can load, or a server's URL.
        name: A name to show and record; never an absolute path.
        backend: What runs the model.
    """

    text: str
    kind: Literal["demo", "folder", "hub", "server"]
    source: str
    name: str
    backend: Literal["engine", "api", "vllm"] = "engine"

    @property
    def public(self) -> str:
        """A `--model` value to show and record, without anything secret in it."""
        if self.kind == "demo":
            return "demo"
        if self.backend == "api":
            return f"api:{self.name}@{public_address(self.source)}"
        return f"{'vllm' if self.backend == 'vllm' else 'hf'}:{self.name}"


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
    if colon and kind == "api":
        name, url = parse_address(rest)
        return ModelSpec(text=text, kind="server", source=url, name=name, backend="api")
    if not colon or kind not in ("hf", "vllm"):
        raise ModelError(
            f"--model {printable(text)!r} is not a model; write demo, hf:<folder>, "
            "hf:<repository id>, hf:<alias>, vllm:<the same> or api:<model>@<url>."
            f"{did_you_mean(text, _all_names())}"
        )
    if not rest:
        raise ModelError(
            f"--model '{kind}:' names no model; write {kind}:<folder or repository>"
        )
    return _files(text, rest, "engine" if kind == "hf" else "vllm")


def _files(text: str, rest: str, backend: Literal["engine", "vllm"]) -> ModelSpec:
    path, is_there = _look_up(rest)
    if is_there and path.is_dir():
        return ModelSpec(
            text=text,
            kind="folder",
            source=str(path),
            name=path.resolve().name,
            backend=backend,
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
    return ModelSpec(
        text=text, kind="hub", source=repository, name=repository, backend=backend
    )


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
