"""tune.json: everything that made an adapter, and how it turned out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from diffbench.errors import ResultError, printable
from diffbench.results.files import write_atomic
from diffbench.results.schema import Count, Finite, GitInfo, Record, Sha256
from diffbench.tuning.recipe import Recipe

__all__ = [
    "RECORD_NAME",
    "BaseModelInfo",
    "PassRecord",
    "RetentionVerdict",
    "TrainedPrompt",
    "TuneRecord",
    "load_record",
    "write_record",
]

RECORD_NAME = "tune.json"


class BaseModelInfo(Record):
    """The model beneath the adapter."""

    spec: str
    id: str
    revision: str | None
    weights_fingerprint: Sha256 | None
    architecture: str
    hidden_size: Count
    parameters: Count
    dtype: str
    licence: str | None
    """As its own card says; null where that is not known here."""
    synthetic: bool


class TrainedPrompt(Record):
    """What one prompt was trained towards."""

    task: str
    prompt: str
    prompt_sha256: Sha256
    target_sha256: Sha256
    outcomes: Count
    entropy: Finite


class PassRecord(Record):
    """Mean losses of one pass, nats a prompt."""

    loss: Finite
    held_out: Finite | None = None
    guard: Finite | None = None


class RetentionVerdict(Record):
    """A score that should not change, before and after."""

    name: str
    n: Count
    before: Finite
    after: Finite
    stderr_before: Finite | None
    stderr_after: Finite | None
    band_lo: Finite
    band_hi: Finite
    level: Finite
    verdict: Literal["kept", "better", "worse"]


class TuneRecord(Record):
    """All of `tune.json`."""

    schema_version: Literal["1"] = "1"
    fingerprint: str
    """Hash of everything that decides the adapter."""
    command: str
    created: str
    diffbench: str
    git: GitInfo | None
    packages: dict[str, str]
    hardware: str
    processes: Count
    base: BaseModelInfo
    recipe_name: str
    recipe: Recipe
    seed: Count
    learning_rate: Finite
    max_tokens: Count
    gradient_checkpointing: bool
    trained_parameters: Count
    reply_lead: str
    """White space before each trained reply."""
    reply_end: list[int]
    """Token ids that end each trained reply."""
    loss_path: Literal["packed", "plain"]
    prompts: list[TrainedPrompt]
    data_sha256: Sha256
    """Hash of all prompts and targets."""
    optimum: Finite
    """The least mean loss that any model can have: the targets' mean entropy."""
    curve: list[PassRecord]
    steps: Count
    stopped: Literal["gamma", "held_out"] | None
    best_pass: Count | None
    seconds: Finite
    adapter_sha256: Sha256
    retention: list[RetentionVerdict]
    retention_asked: list[str] | None = None
    """What `--retention` named; None is the default."""


def write_record(folder: Path, record: TuneRecord) -> None:
    """Write `tune.json` into a folder."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False)
    write_atomic(folder / RECORD_NAME, f"{text}\n".encode())


def load_record(folder: Path) -> TuneRecord | None:
    """Read a folder's `tune.json`; None if there is none.

    Raises:
        ResultError: If it is damaged or not one.
    """
    path = folder / RECORD_NAME
    if not path.exists():
        return None
    try:
        return TuneRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ResultError(
            f"{path}: not a tuning record of this version ({printable(error, 200)})"
        ) from None
