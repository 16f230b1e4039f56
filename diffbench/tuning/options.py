"""What a tuning is asked to do: one value that the command line and the API both build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from diffbench.errors import SettingsError
from diffbench.models.spec import parse_model
from diffbench.options import NoProgress, Progress

__all__ = [
    "BASE_FOLDER",
    "PLAIN",
    "TUNED_FOLDER",
    "NoTuneProgress",
    "TuneOptions",
    "TuneProgress",
]

BASE_FOLDER, TUNED_FOLDER = "base", "tuned"
"""Where a tuning's folder holds the results before and after."""

PLAIN = "plain"
"""Name of the retention probe that DiffBench brings along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """Options of `diffbench tune`.

    Attributes:
        model: A `--model` value: `demo`, or `hf:<folder, repository or alias>`.
        recipe: Name of a shipped recipe, or path of a recipe file.
        tasks: Trained instead of the recipe's own; names, files or folders.
        output: Folder for the adapter; by default a new one below `runs/`.
        seed: Seed of the adapter's first weights and of the order of prompts.
        device: `auto`, `cpu`, `cuda`, …; `spread` lays the layers over all GPUs.
        dtype: `auto` is float32 on a CPU and the model's own type elsewhere.
        max_tokens: Most tokens in one forward pass; it changes no result but its rounding.
        gradient_checkpointing: Compute activations twice to hold fewer of them.
        retention: What must not change: `plain` for the plain questions, or names of
            lm-evaluation-harness tasks. None is `plain` for a synthetic model, and
            nothing for others.
        evaluate: Measure base and tuned model afterwards.
        resume: Go on with an interrupted tuning in `output`.
        revision: Branch, tag or commit of a hub repository.
        trust_remote_code: Run Python code that comes with the model.
        verbose: Let the libraries' own messages through.
    """

    model: str
    recipe: str
    tasks: tuple[str, ...] | None = None
    output: Path | None = None
    seed: int = 0
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_tokens: int = 2048
    gradient_checkpointing: bool = False
    retention: tuple[str, ...] | None = None
    evaluate: bool = True
    resume: bool = False
    revision: str | None = None
    trust_remote_code: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        if not 0 <= self.seed < 2**32:
            raise SettingsError(f"seed is {self.seed}; it must be from 0 to {2**32 - 1}")
        if not 16 <= self.max_tokens <= 1_000_000:
            raise SettingsError(
                f"max_tokens is {self.max_tokens}; it must be from 16 to 1000000"
            )
        if self.dtype == "float16":
            raise SettingsError(
                "float16 overflows in training; use --dtype bfloat16 or float32"
            )
        if self.resume and self.output is None:
            raise SettingsError("--resume needs --output, the folder to go on in")
        if self.tasks is not None and not self.tasks:
            raise SettingsError("tasks is empty; name at least one task or group")
        if parse_model(self.model).backend != "engine":
            raise SettingsError(
                f"--model {self.model} cannot be tuned; only demo and hf:… can, whose "
                "weights are at hand"
            )


class TuneProgress(Progress, Protocol):
    """Hears what a tuning is doing, and the runs that it makes."""

    def training(self, n_prompts: int, n_outcomes: int, output: Path) -> None:
        """Training begins on so many prompts with so many outcomes together."""

    def step(self, done: int, total: int, loss: float, optimum: float) -> None:
        """So many steps are done; mean loss and least possible loss, nats a prompt."""

    def stage(self, sentence: str) -> None:
        """Something else begins."""


class NoTuneProgress(NoProgress):
    """Says nothing."""

    def training(self, n_prompts: int, n_outcomes: int, output: Path) -> None:
        """Say nothing."""

    def step(self, done: int, total: int, loss: float, optimum: float) -> None:
        """Say nothing."""

    def stage(self, sentence: str) -> None:
        """Say nothing."""
