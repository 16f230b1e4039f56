"""The baseline: a small file to commit, with numbers and names but no reply."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from diffbench.compare import MeasuredPrompt, MeasuredTask, Measurement, measurement_of
from diffbench.errors import BaselineError, printable
from diffbench.results import (
    EstimatorLabel,
    ModelInfo,
    RunResult,
    RunSettings,
    write_atomic,
)
from diffbench.results.schema import Count, Probability, Record, Sha256

__all__ = [
    "Baseline",
    "baseline_of",
    "encode_baseline",
    "load_baseline",
    "read_measurement",
    "write_baseline",
]

_FORMAT = "diffbench-baseline"
_DIGITS = 8
_MOST_REASON = 500


class _Prompt(Record):
    id: str
    prompt_sha256: Sha256
    probabilities: list[Probability] | None = None
    counts: list[Count] | None = None
    n_invalid: Count = 0


class _Task(Record):
    name: str
    title: str
    family: str
    split: Literal["train", "held_out"]
    version: str
    estimator: EstimatorLabel
    target_sha256: Sha256
    prompts: Annotated[list[_Prompt], Field(min_length=1)]


class Baseline(Record):
    """All of a baseline file."""

    format: Literal["diffbench-baseline"]
    schema_version: Literal["1"]
    created: str
    reason: Annotated[str, Field(min_length=1, max_length=_MOST_REASON)]
    """Why it is what later results are compared with, in a person's words."""
    diffbench: str
    result_sha256: Sha256
    """Content hash of the results file that it was made from."""
    model: ModelInfo
    settings: RunSettings
    packages: dict[str, str]
    hardware: str
    independent: bool
    noise_floor: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    """By metric, three times the largest change that other batch sizes made."""
    tasks: Annotated[list[_Task], Field(min_length=1)]
    content_sha256: Sha256


def baseline_of(
    result: RunResult, reason: str, noise_floor: Mapping[str, float] | None = None
) -> Baseline:
    """Return the baseline that a result makes; sealed.

    Raises:
        BaselineError: If the reason is empty or too long.
    """
    if not reason.strip() or len(reason) > _MOST_REASON:
        raise BaselineError(
            "a baseline needs a reason of 1 to 500 characters; say why this result is "
            "what later ones are compared with"
        )
    if not result.tasks:
        raise BaselineError(
            "this result holds biographies only, which no check judges; make the baseline "
            "of a result that has tasks with a target"
        )
    measured = measurement_of(result)
    content = {
        "format": _FORMAT,
        "schema_version": "1",
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "reason": reason.strip(),
        "diffbench": result.run.diffbench,
        "result_sha256": result.content_sha256,
        "model": measured.model.model_dump(mode="json"),
        "settings": measured.settings.model_dump(mode="json"),
        "packages": dict(measured.packages),
        "hardware": measured.hardware,
        "independent": measured.independent,
        "noise_floor": dict(noise_floor or {}),
        "tasks": [_task_content(task) for task in measured.tasks],
    }
    unsealed = Baseline.model_validate({**content, "content_sha256": "0" * 64})
    return unsealed.model_copy(update={"content_sha256": _hash(unsealed)})


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline, one line a prompt so that a change can be reviewed.

    Raises:
        BaselineError: In CI, which must never move what it is measured by.
        ResultError: If the file cannot be written.
    """
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise BaselineError(
            "a baseline is not written in CI (the variable CI is set); update it on your "
            "own machine and commit it, so that a person reviews it"
        )
    write_atomic(path, encode_baseline(baseline))


def encode_baseline(baseline: Baseline) -> bytes:
    """Return the bytes of a baseline file."""
    content = baseline.model_dump(mode="json", exclude_defaults=True)
    return (_pretty(content) + "\n").encode()


def load_baseline(path: Path) -> Baseline:
    """Read and check a baseline.

    Raises:
        BaselineError: If it is missing, truncated, edited by hand, or of another kind.
    """
    content = _read_json(path)
    if content.get("format") != _FORMAT:
        raise BaselineError(
            f"{path}: this is no baseline; make one by diffbench baseline update RESULT "
            f"--baseline {path} --reason …"
        )
    if content.get("schema_version") != "1":
        version = printable(content.get("schema_version"), 20)
        raise BaselineError(
            f"{path}: schema_version is {version}, and this DiffBench reads 1; update "
            "diffbench"
        )
    try:
        baseline = Baseline.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = printable(".".join(str(part) for part in first["loc"]))
        raise BaselineError(f"{path}: {where}: {printable(first['msg'])}") from None
    if _hash(baseline) != baseline.content_sha256:
        raise BaselineError(
            f"{path}: the content does not match its content_sha256; it was edited by "
            "hand or damaged, so make it again by diffbench baseline update"
        )
    return baseline


def read_measurement(baseline: Baseline) -> Measurement:
    """Return what a comparison needs of a baseline."""
    return Measurement(
        model=baseline.model,
        settings=baseline.settings,
        packages=baseline.packages,
        hardware=baseline.hardware,
        independent=baseline.independent,
        noise_floor=baseline.noise_floor,
        tasks=[
            MeasuredTask(
                name=task.name,
                title=task.title,
                family=task.family,
                split=task.split,
                version=task.version,
                estimator=task.estimator,
                target_sha256=task.target_sha256,
                target=None,
                prompts=[_measured(prompt) for prompt in task.prompts],
            )
            for task in baseline.tasks
        ],
    )


def _measured(prompt: _Prompt) -> MeasuredPrompt:
    rows, counts = prompt.probabilities, prompt.counts
    return MeasuredPrompt(
        id=prompt.id,
        sha256=prompt.prompt_sha256,
        probabilities=None if rows is None else np.asarray(rows, dtype=np.float64),
        counts=None if counts is None else np.asarray(counts, dtype=np.int64),
        n_invalid=prompt.n_invalid,
    )


def _task_content(task: MeasuredTask) -> dict[str, Any]:
    return {
        "name": task.name,
        "title": task.title,
        "family": task.family,
        "split": task.split,
        "version": task.version,
        "estimator": task.estimator,
        "target_sha256": task.target_sha256,
        "prompts": [_prompt_content(prompt) for prompt in task.prompts],
    }


def _prompt_content(prompt: MeasuredPrompt) -> dict[str, Any]:
    content: dict[str, Any] = {"id": prompt.id, "prompt_sha256": prompt.sha256}
    if prompt.probabilities is not None:
        # Far finer than any tolerance, and half the size.
        rounded = [float(f"{q:.{_DIGITS}g}") for q in prompt.probabilities]
        return {**content, "probabilities": rounded}
    if prompt.counts is not None:
        content["counts"] = [int(count) for count in prompt.counts]
    return {**content, "n_invalid": prompt.n_invalid}


def _hash(baseline: Baseline) -> str:
    content = baseline.model_dump(mode="json", exclude={"content_sha256"})
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _pretty(content: Mapping[str, Any]) -> str:
    """Return JSON with one line for each key, task and prompt."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))

    lines = [
        f" {line(key)}: {line(value)}" for key, value in content.items() if key != "tasks"
    ]
    tasks = []
    for task in content["tasks"]:
        head = line({key: value for key, value in task.items() if key != "prompts"})
        prompts = ",\n".join(f"   {line(prompt)}" for prompt in task["prompts"])
        tasks.append(f'  {head[:-1]},"prompts":[\n{prompts}]}}')
    lines.append(' "tasks": [\n' + ",\n".join(tasks) + "]")
    return "{\n" + ",\n".join(lines) + "\n}"


def _read_json(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> float:
        raise BaselineError(f"{path}: holds {constant}, which is no number")

    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except FileNotFoundError:
        raise BaselineError(
            f"{path}: there is no such file; make one by diffbench baseline update RESULT "
            f"--baseline {path} --reason …"
        ) from None
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: not a whole JSON file ({printable(error)})") from None
    if not isinstance(content, dict):
        raise BaselineError(f"{path}: a baseline is a JSON object")
    return content
