"""What a run needs of a model, wherever it is.

`open_backend` finds the model and says who it is; `start` makes it ready to be measured.
Between the two, a run looks whether it has been finished already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from lm_eval.api.instance import Instance

from diffbench.errors import SettingsError, printable
from diffbench.harness.task import Protocol as ExactProtocol
from diffbench.models.spec import ModelSpec
from diffbench.options import Progress, RunOptions
from diffbench.processes import is_one_of_many
from diffbench.results import Independence, ModelInfo
from diffbench.results.partial import PartialRun
from diffbench.suite import AnyTask

__all__ = ["Backend", "Evidence", "MeasuredLM", "open_backend"]


class MeasuredLM(Protocol):
    """A model of lm-evaluation-harness that answers DiffBench's requests."""

    protocol: ExactProtocol
    has_order: bool
    """Whether replies come one after another, and not as counts that are then put in
    an order."""

    @property
    def uses_chat_template(self) -> bool:
        """Whether prompts are messages of a chat, or plain text."""

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Render messages as the model, or its server, takes them."""

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Score answers."""

    def generate_until(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[str]:
        """Draw a reply to each request."""

    def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
        """Draw n replies to a rendered prompt, beside its exact value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run says of how its values came about.

    Attributes:
        independence: Why replies may be taken for independent draws.
        scoring_path: How exact values were computed; None where there were none.
        scoring_check_nats: Largest difference of the two scoring paths.
    """

    independence: Independence
    scoring_path: str | None = None
    scoring_check_nats: float | None = None


class Backend(Protocol):
    """A model that has been found, and is not yet asked anything."""

    @property
    def info(self) -> ModelInfo:
        """Who it is."""

    @property
    def device(self) -> str:
        """Where it runs, in a word."""

    @property
    def thinking(self) -> Literal["off", "unknown"]:
        """Whether it reasons before it replies."""

    def start(
        self,
        options: RunOptions,
        tasks: Sequence[AnyTask],
        partial: PartialRun,
        progress: Progress,
    ) -> MeasuredLM:
        """Make it ready for one run, and refuse what cannot be measured soundly.

        Args:
            options: Those of a run that it was opened for.
            tasks: What will be measured.
            partial: The run's folder.
            progress: Hears what is going on.

        Raises:
            ModelError: If these tasks cannot be measured on it.
        """

    def evidence(self) -> Evidence:
        """Say how the values came about, once they are there."""


def open_backend(spec: ModelSpec, runs: Sequence[RunOptions]) -> Backend:
    """Find the model of one or more runs that differ in how replies are drawn only.

    Raises:
        ModelError: If it is not there or cannot be loaded.
        SettingsError: If several processes cannot share its work.
    """
    if spec.backend != "engine" and is_one_of_many():
        raise SettingsError(
            "several processes share the work of a model that DiffBench runs itself; run "
            f"{printable(spec.text)} in one process, without a launcher"
        )
    # Each needs libraries that the others do without.
    if spec.backend == "api":
        from diffbench.harness.server.backend import ServerBackend

        return ServerBackend(spec, runs[0])
    if spec.backend == "vllm":
        from diffbench.harness.vllm import VllmBackend

        return VllmBackend(spec, runs[0])
    from diffbench.harness.local import LocalBackend

    return LocalBackend(spec, runs)
