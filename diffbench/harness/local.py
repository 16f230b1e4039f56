"""A model on this machine, measured by DiffBench's engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from diffbench.harness.backends import Evidence
from diffbench.harness.identity import model_info
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import check_scoring, decoding_of
from diffbench.models.load import LoadedModel, LoadOptions, load_model
from diffbench.models.spec import ModelSpec
from diffbench.options import Progress, RunOptions
from diffbench.results import Independence
from diffbench.results.partial import PartialRun
from diffbench.suite import AnyTask

__all__ = ["LocalBackend"]

_INDEPENDENCE = Independence(verdict="by_construction", seeds="one_stream")


class LocalBackend:
    """Loads the model when it is made.

    Args:
        spec: The model.
        runs: What it will be measured for; exact values of all are computed in one pass.

    Raises:
        ModelError: If it cannot be loaded.
    """

    thinking: Literal["off", "unknown"] = "off"

    def __init__(self, spec: ModelSpec, runs: Sequence[RunOptions]) -> None:
        self._decodings = tuple(decoding_of(options) for options in runs)
        self._loaded = load_model(spec, _load_options(runs[0]))
        self._lm: EngineLM | None = None
        self.info = model_info(self._loaded, runs[0])
        self.device = _device_name(self._loaded)

    def start(
        self,
        options: RunOptions,
        tasks: Sequence[AnyTask],
        partial: PartialRun,
        progress: Progress,
    ) -> EngineLM:
        """Choose the scoring path and return the engine."""
        if self._lm is None:
            canonical = options.estimator == "exact-canonical"
            self._lm = EngineLM(
                self._loaded,
                protocol="exact-canonical" if canonical else "exact",
                batch_size=options.batch_size,
                seed=options.seed,
                answer_rule=options.answer_rule,
                decodings=self._decodings,
            )
            check_scoring(self._lm, tasks)
        self._lm.active = self._decodings.index(decoding_of(options))
        return self._lm

    def evidence(self) -> Evidence:
        """Say how answers were scored; one generator drew all replies."""
        if self._lm is None:
            return Evidence(independence=_INDEPENDENCE)
        return Evidence(
            independence=_INDEPENDENCE,
            scoring_path=self._lm.scorer.path,
            scoring_check_nats=self._lm.scorer.check_difference,
        )


def _load_options(options: RunOptions) -> LoadOptions:
    return LoadOptions(
        device=options.device,
        dtype=options.dtype,
        adapter=options.adapter,
        revision=options.revision,
        trust_remote_code=options.trust_remote_code,
    )


def _device_name(loaded: LoadedModel) -> str:
    device = loaded.model.device
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return str(device.type)
