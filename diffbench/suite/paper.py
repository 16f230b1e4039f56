"""Prompt files as published with the paper, as tasks.

Zhang et al. (COLM 2024) describe each prompt by a JSON file with `request`, `response`
(how the reply is already begun: a text or a list of them), `targets` (each with its
braces) and perhaps `weights` and `eos`. They run here unchanged. A request for six fields
in braces without targets, or with targets of several braces, is a biography.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from diffbench.answers import make_answer_key
from diffbench.errors import TargetError, TaskError, printable
from diffbench.suite.biography import AnyTask, BiographyDefinition
from diffbench.suite.biography_file import check_sketch, shipped_references
from diffbench.suite.definition import Prompt, TaskDefinition
from diffbench.targets import Outcome, make_target

__all__ = ["PAPER_FAMILY", "load_paper_folder", "load_paper_prompt"]

PAPER_FAMILY = "prompt_files"

# Runs may stand in the same folder as the prompts that they measured.
_RESULTS_NAME = "results.json"

_ONE_ANSWER = re.compile(r"\{([^{}]*)\}")
_BIOGRAPHY_FIELDS = 6


class OpenPromptError(TaskError):
    """The file asks for several answers in one reply, or for anything."""


class _PaperPrompt(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    request: Annotated[StrictStr, Field(min_length=1)]
    response: StrictStr | list[StrictStr] = ""
    targets: list[StrictStr]
    weights: list[float] | None = None
    eos: bool = True


def load_paper_prompt(path: Path) -> AnyTask:
    """Read one prompt file.

    Raises:
        TaskError: Names the file, the key and the value at fault; for files with
            several braces a target, or no target, that ask for no biography, it says that
            they are not closed.
    """
    content = _read(path)
    if _asks_for_biography(content):
        return _biography(path, content)
    outcomes = [_outcome_name(path, target) for target in content.targets]
    if not outcomes:
        raise OpenPromptError(
            f"{path}: targets: the list is empty, and the request shows no six fields in "
            "braces; only closed prompts and biographies can be measured"
        )
    weights = [1.0] * len(outcomes) if content.weights is None else content.weights
    if len(weights) != len(outcomes):
        raise TaskError(
            f"{path}: weights: {len(weights)} values for {len(outcomes)} targets; give "
            "one weight a target"
        )
    try:
        target = make_target(
            [
                Outcome(text=name, weight=weight)
                for name, weight in zip(outcomes, weights, strict=True)
            ]
        )
        key = make_answer_key(target)
    except TargetError as error:
        raise TaskError(f"{path}: targets: {error}") from None
    return TaskDefinition(
        name=_task_name(path),
        family=PAPER_FAMILY,
        title=_title(path),
        version="1.0",
        reference="uniform" if content.weights is None else "theoretical",
        target=target,
        key=key,
        prompts=_prompts(content),
        split="train",
        mode="exact",
        file=path.name,
    )


def load_paper_folder(
    folder: Path,
) -> tuple[list[AnyTask], list[str]]:
    """Read every prompt file below a folder.

    Returns:
        The tasks, and one sentence for each file left out because it is open.

    Raises:
        TaskError: If a file is broken rather than open.
    """
    tasks: list[AnyTask] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob("*.json")):
        if path.name == _RESULTS_NAME:
            continue
        try:
            tasks.append(load_paper_prompt(path))
        except OpenPromptError as error:
            left_out.append(str(error))
    return tasks, left_out


def _asks_for_biography(content: _PaperPrompt) -> bool:
    several = all(target.count("{") > 1 for target in content.targets)
    return several and len(_ONE_ANSWER.findall(content.request)) >= _BIOGRAPHY_FIELDS


def _biography(path: Path, content: _PaperPrompt) -> BiographyDefinition:
    if content.weights is not None:
        raise TaskError(f"{path}: weights: sketches weigh alike; leave this key out")
    try:
        sketches = tuple(check_sketch(target) for target in content.targets)
    except ValueError as error:
        raise TaskError(f"{path}: targets: {error}") from None
    return BiographyDefinition(
        name=_task_name(path),
        title=_title(path),
        version="1.0",
        references=shipped_references(),
        sketches=sketches,
        prompts=_prompts(content),
        split="train",
        file=path.name,
    )


def _title(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem


def _read(path: Path) -> _PaperPrompt:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _PaperPrompt.model_validate(content)
    except (FileNotFoundError, IsADirectoryError):
        raise TaskError(f"{path}: there is no such file") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise TaskError(f"{path}: {where}: {printable(first['msg'])}") from None
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{path}: not a JSON prompt file ({error})") from None


def _outcome_name(path: Path, target: str) -> str:
    if target.count("{") > 1 and target.count("}") > 1:
        raise OpenPromptError(
            f"{path}: targets: {printable(target, 60)!r} has several braces; only "
            "prompts with one answer a reply can be measured"
        )
    match = _ONE_ANSWER.fullmatch(target.strip())
    if match is None:
        raise TaskError(
            f"{path}: targets: {printable(target, 60)!r} is not one answer in braces; "
            "write {answer}"
        )
    return match[1]


def _prompts(content: _PaperPrompt) -> tuple[Prompt, ...]:
    begun = content.response if isinstance(content.response, list) else [content.response]
    return tuple(
        Prompt(id=f"response-{i}", split="train", text=content.request, prefix=prefix)
        for i, prefix in enumerate(begun or [""])
    )


def _task_name(path: Path) -> str:
    parts = [part for part in (path.absolute().parent.name, path.stem) if part]
    return "prompt_" + re.sub(r"[^a-z0-9]+", "_", "_".join(parts).lower()).strip("_")
