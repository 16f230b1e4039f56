"""A model run by vLLM, through lm-evaluation-harness's own `vllm` model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Literal

from lm_eval.api.instance import Instance

from diffbench.errors import ModelError, printable
from diffbench.harness.backends import Evidence
from diffbench.harness.identity import template_sha256, tokenizer_sha256
from diffbench.harness.one_task import check_scoring
from diffbench.harness.server.seeds import call_seed
from diffbench.harness.task import Protocol
from diffbench.models.spec import ModelSpec
from diffbench.options import Progress, RunOptions
from diffbench.results import Independence, ModelInfo
from diffbench.results.partial import PartialRun
from diffbench.suite import AnyTask

__all__ = ["VllmBackend", "seeded", "vllm_arguments"]


class VllmBackend:
    """Starts vLLM when it is made.

    Raises:
        ModelError: If vLLM is not installed or cannot run the model.
    """

    device = "vLLM"
    thinking: Literal["off", "unknown"] = "off"

    def __init__(self, spec: ModelSpec, options: RunOptions) -> None:
        if find_spec("vllm") is None:
            raise ModelError(
                f"--model {printable(spec.text)} needs vLLM, which is not installed; "
                "install it with `pip install vllm`, or load the model as "
                f"hf:{printable(spec.name)}"
            )
        self._lm = _make_lm(spec, options)
        self.info = _model_info(spec, options, self._lm.tokenizer)

    def start(
        self,
        options: RunOptions,
        tasks: Sequence[AnyTask],
        partial: PartialRun,
        progress: Progress,
    ) -> Any:
        """Refuse a template that cannot be used, and return the model."""
        check_scoring(self._lm, tasks)
        return self._lm

    def evidence(self) -> Evidence:
        """Each reply has its own seed, and nothing stands between it and the model."""
        return Evidence(
            independence=Independence(verdict="by_construction", seeds="one_a_call")
        )


def vllm_arguments(spec: ModelSpec, options: RunOptions) -> dict[str, Any]:
    """Return what lm-evaluation-harness's `vllm` model is made with."""
    return {
        "pretrained": spec.source,
        "dtype": options.dtype,
        "revision": options.revision,
        "tokenizer_revision": options.revision,
        "trust_remote_code": options.trust_remote_code,
        "batch_size": "auto",
        "seed": options.seed % 2**31,
        "enable_thinking": False,
        "enable_prefix_caching": True,
    }


def seeded(requests: Sequence[Instance], run_seed: int) -> list[Instance]:
    """Return the requests, each with a seed of its own.

    One stream of random numbers for all would begin again where a run is resumed, and
    draw for the next task what it drew for the first.
    """
    numbers: dict[tuple[str, str], int] = {}
    with_seeds = []
    for request in requests:
        task, prompt = str(request.task_name), str(request.doc["id"])
        number = numbers.setdefault((task, prompt), 0)
        numbers[task, prompt] += 1
        context, settings = request.args
        one = copy.copy(request)
        seed = call_seed(run_seed, task, prompt, number)
        one.arguments = (context, {**settings, "seed": seed})
        with_seeds.append(one)
    return with_seeds


def _make_lm(spec: ModelSpec, options: RunOptions) -> Any:
    # The module imports vllm, and so can be imported only where that is installed.
    from lm_eval.models.vllm_causallms import VLLM

    class SeededVLLM(VLLM):  # type: ignore[misc]
        protocol: Protocol = "exact-canonical"
        has_order = True

        @property
        def uses_chat_template(self) -> bool:
            return bool(getattr(self.tokenizer, "chat_template", None))

        def generate_until(
            self, requests: list[Instance], disable_tqdm: bool = False
        ) -> list[str]:
            replies: list[str] = super().generate_until(
                seeded(requests, options.seed), disable_tqdm
            )
            return replies

        def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
            request = Instance(
                request_type="generate_until",
                doc={"id": context},
                arguments=(context, {**settings, "until": []}),
                idx=0,
                metadata=("probe", 0, n),
            )
            return self.generate_until([request] * n)

    try:
        return SeededVLLM(**vllm_arguments(spec, options))
    except (OSError, ValueError, RuntimeError, ImportError, AssertionError) as error:
        raise ModelError(
            f"vLLM cannot run {printable(spec.name)}: {type(error).__name__}: "
            f"{printable(error, 300)}"
        ) from error


def _model_info(spec: ModelSpec, options: RunOptions, tokenizer: Any) -> ModelInfo:
    return ModelInfo(
        spec=spec.public,
        id=spec.name,
        revision=options.revision,
        role="base",
        parent=None,
        adapter=None,
        parameters=None,
        dtype=None if options.dtype == "auto" else options.dtype,
        architecture=None,
        weights_fingerprint=None,
        tokenizer_sha256=tokenizer_sha256(tokenizer),
        chat_template_sha256=template_sha256(tokenizer),
        synthetic=False,
    )
