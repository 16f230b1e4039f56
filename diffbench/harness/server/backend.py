"""A model behind a chat API, as a run sees it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from diffbench.errors import ModelError, SettingsError, printable
from diffbench.harness.backends import Evidence
from diffbench.harness.server import calls
from diffbench.harness.server.failures import Server
from diffbench.harness.server.lm import ChatLM
from diffbench.harness.server.probe import PROBE_CALLS, check_independence
from diffbench.models.address import public_address
from diffbench.models.spec import ModelSpec
from diffbench.options import Progress, RunOptions
from diffbench.results import Independence, ModelInfo, named_model
from diffbench.results.partial import PartialRun
from diffbench.suite import AnyTask, BiographyDefinition

__all__ = ["ServerBackend"]

KEY_VARIABLE = "OPENAI_API_KEY"


class ServerBackend:
    """Knows the server by its address; calls it when it is started."""

    device = "behind an API"
    thinking: Literal["off", "unknown"] = "unknown"

    def __init__(self, spec: ModelSpec, options: RunOptions) -> None:
        self._options = options
        self._server = _server(spec)
        self._partial: PartialRun | None = None
        self._lm: ChatLM | None = None
        self.info = _model_info(spec)

    def start(
        self,
        options: RunOptions,
        tasks: Sequence[AnyTask],
        partial: PartialRun,
        progress: Progress,
    ) -> ChatLM:
        """Say how many calls there will be, and test that replies are independent."""
        _refuse_begun_replies(tasks)
        self._partial = partial
        lm = ChatLM(
            self._server,
            seed=self._options.seed,
            concurrency=self._options.calls_at_once,
            patience=calls.PATIENCE,
            journal=partial.journal,
            progress=progress,
        )
        self._lm = lm
        n_kept, n_left = self._count(tasks, partial)
        if n_left:
            progress.calls(n_left, n_kept, PROBE_CALLS)
            found = check_independence(lm)
            partial.store_probe(found)
        self._say_doubts(progress)
        return lm

    def evidence(self) -> Evidence:
        """Put together what was found each time that the run went on."""
        probes = self._partial.probes() if self._partial is not None else []
        repeated = 0 if self._lm is None else self._lm.ids.repeated
        found = _together(probes).model_copy(update={"repeated_ids": repeated})
        return Evidence(independence=found)

    def _count(self, tasks: Sequence[AnyTask], partial: PartialRun) -> tuple[int, int]:
        """Return how many replies are kept, and how many are still to be drawn."""
        n_kept = n_left = 0
        for task in tasks:
            wanted = range(self._replies(task))
            is_stored = partial.is_stored(task.name)
            for prompt in task.measured_prompts[: self._options.limit]:
                kept = {} if is_stored else partial.journal(task.name, prompt.id).replies()
                n_there = sum(is_stored or number in kept for number in wanted)
                n_kept += n_there
                n_left += len(wanted) - n_there
        return n_kept, n_left

    def _replies(self, task: AnyTask) -> int:
        is_open = isinstance(task, BiographyDefinition)
        return self._options.sketches if is_open else self._options.replies

    def _say_doubts(self, progress: Progress) -> None:
        found = self.evidence().independence
        if found.verdict == "unproven":
            progress.doubt(
                f"{found.probe_copies} of {found.probe_calls} replies to requests for "
                "something random were copies; it is not shown that this server's "
                "replies are independent draws"
            )
        if found.seeds == "none_sent":
            progress.doubt("this server takes no seeds, so another run draws other replies")


def _server(spec: ModelSpec) -> Server:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError(
            f"the environment variable {KEY_VARIABLE} holds blanks or characters that no "
            "key has; set it to the key alone"
        )
    parts = urlsplit(spec.source)
    endpoint = f"{parts.path}/chat/completions"
    return Server(
        model=spec.name,
        url=urlunsplit((parts.scheme, parts.netloc, endpoint, parts.query, "")),
        address=printable(public_address(spec.source)),
        key=key,
    )


def _refuse_begun_replies(tasks: Sequence[AnyTask]) -> None:
    for task in tasks:
        for prompt in task.measured_prompts:
            if prompt.prefix:
                raise ModelError(
                    f"task {printable(task.name)} begins the reply with "
                    f"{printable(prompt.prefix, 60)!r}, which a chat API cannot be told; "
                    "leave that task out"
                )


def _together(probes: Sequence[Independence]) -> Independence:
    return Independence(
        verdict="unproven"
        if not probes or any(one.verdict == "unproven" for one in probes)
        else "shown",
        seeds="none_sent"
        if any(one.seeds == "none_sent" for one in probes)
        else "one_a_call",
        probe_calls=sum(one.probe_calls for one in probes),
        probe_copies=sum(one.probe_copies for one in probes),
    )


def _model_info(spec: ModelSpec) -> ModelInfo:
    return named_model(printable(spec.public, 1000), printable(spec.name), synthetic=False)
