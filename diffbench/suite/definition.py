"""What a task is, once its file has been read and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from diffbench.answers import AnswerKey, answer_string, list_request
from diffbench.errors import TaskError
from diffbench.hashing import prompt_sha256
from diffbench.targets import Target

__all__ = ["Mode", "Prompt", "Reference", "Source", "Split", "TaskDefinition"]

Split = Literal["train", "held_out"]
Mode = Literal["exact", "sampled"]
Reference = Literal["uniform", "natural", "human", "theoretical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One wording of a request.

    Attributes:
        id: Names it within the task.
        split: Whether it may be trained.
        text: The request.
        prefix: How the reply is already begun, if it is.
        listed: Outcomes in the order in which the text lists them with their chances;
            None where it does not.
    """

    id: str
    split: Split
    text: str
    prefix: str = ""
    listed: tuple[str, ...] | None = None

    @property
    def sha256(self) -> str:
        """Hash of the text and prefix, before any chat template."""
        return prompt_sha256(self.text, self.prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the target's data come from and on what terms.

    Attributes:
        source: Who published the data.
        licence: On what terms.
        url: Where the data are found.
        rule: Which part of the data stands in the target.
        attribution: The credit that the licence asks for, if it asks for one.
    """

    source: str
    licence: str
    url: str = ""
    rule: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """A target distribution with the prompts that ask for it.

    Attributes:
        name: The task's name in lm-evaluation-harness, e.g. `diffbench_numbers_1_10`.
        family: The family that its value is averaged into.
        mode: Measured from log-probabilities (`exact`) or from replies (`sampled`).
        split: The prompts that this task measures.
        file: Name of the file that defines it, for messages.
        draws: Answers that one reply is asked to hold.
    """

    name: str
    family: str
    title: str
    version: str
    reference: Reference
    target: Target
    key: AnswerKey
    prompts: tuple[Prompt, ...]
    split: Split
    mode: Mode
    file: str
    source: Source | None = None
    draws: int = 1

    @property
    def measured_prompts(self) -> tuple[Prompt, ...]:
        """The prompts of this task's split."""
        return tuple(prompt for prompt in self.prompts if prompt.split == self.split)

    def canonical_answers(self) -> tuple[str, ...]:
        """The exact answer string of each outcome, braces included."""
        return tuple(answer_string(accepted[0]) for accepted in self.key.spellings)

    def as_list(self, draws: int) -> TaskDefinition:
        """Return the same task, asking for several answers in one reply.

        Raises:
            TaskError: If a reply is already begun, as for one answer.
        """
        if any(prompt.prefix for prompt in self.measured_prompts):
            raise TaskError(
                f"task {self.name}: its replies are already begun, as for one answer; "
                "measure it with --protocol independent"
            )
        asked = tuple(
            replace(prompt, text=f"{prompt.text}\n\n{list_request(draws)}")
            for prompt in self.prompts
        )
        return replace(self, prompts=asked, draws=draws)

    def as_mode(self, mode: Mode) -> TaskDefinition:
        """Return the same task measured the other way, under its other name."""
        if mode == self.mode:
            return self
        stem = self.name.removesuffix("_sampled")
        name = f"{stem}_sampled" if mode == "sampled" else stem
        return replace(self, name=name, mode=mode)
