"""The lm-evaluation-harness task: one class a way of measuring.

Task files name these classes by `class: !function`. The plain harness then runs them
like any task of its own, and `diffbench run` runs the very same requests.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar, Literal

from datasets import Dataset
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from diffbench.answers import LEAD_INS
from diffbench.engine.decoding import Decoding
from diffbench.errors import ModelError
from diffbench.harness.lists import listed_prompt
from diffbench.harness.measure import ExactPrompt, exact_prompt, sampled_prompt
from diffbench.metrics import METRICS, SAMPLED_METRICS
from diffbench.results import MetricEntry
from diffbench.suite import Mode, TaskDefinition, definition_from_config

__all__ = [
    "DEFAULT_MAX_NEW_TOKENS",
    "DEFAULT_SAMPLES",
    "DistributionTask",
    "SampledDistributionTask",
    "generation_settings",
    "make_task",
]

logger = logging.getLogger(__name__)

DEFAULT_SAMPLES = 1000
DEFAULT_MAX_NEW_TOKENS = 64
CLOSED_BY = "}"

Protocol = Literal["exact", "exact-canonical"]


class DistributionTask(ConfigurableTask):  # type: ignore[misc]
    """Measures a target distribution from log-probabilities of its answers.

    Under the plain harness each answer's canonical tokens are scored (`exact-canonical`,
    a lower bound). DiffBench's own model also sums over every token that can close an
    answer, and over lead-ins that cannot be written there (`exact`).

    Args:
        config: The keys of the task file, or `definition` with an already checked task
            and perhaps `protocol`, `samples` and `max_new_tokens`.
    """

    MODE: ClassVar[Mode] = "exact"

    def __init__(self, config: Mapping[str, Any], **_: object) -> None:
        metadata = dict(config.get("metadata") or {})
        definition = config.get("definition")
        if not isinstance(definition, TaskDefinition):
            path = Path(str(metadata.get("config_source", "inline task")))
            definition = definition_from_config(config, path)
        self.definition = definition.as_mode(self.MODE)
        self.protocol: Protocol = config.get("protocol", "exact-canonical")
        super().__init__(
            config={
                "task": self.definition.name,
                "test_split": "test",
                "num_fewshot": 0,
                "target_delimiter": "",
                "metadata": {"version": self.definition.version},
                **self._request_config(config),
            }
        )

    def _request_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"output_type": "loglikelihood"}

    def download(self, *_: object, **__: object) -> None:
        """Make the prompts the documents of the only split; nothing is downloaded."""
        self.dataset = {
            "test": Dataset.from_list(
                [
                    {
                        "id": prompt.id,
                        "text": prompt.text,
                        "prefix": prompt.prefix,
                        "closed_by": CLOSED_BY,
                        "closings": self.definition.draws,
                    }
                    for prompt in self.definition.measured_prompts
                ]
            )
        }

    def doc_to_text(self, doc: Mapping[str, str], *_: object) -> str:
        """Return the prompt's wording."""
        return doc["text"]

    def doc_to_target(self, doc: Mapping[str, str], *_: object) -> str:
        """Return the most probable outcome's answer; harness logs show it."""
        best = max(
            range(self.definition.target.size),
            key=self.definition.target.probabilities.__getitem__,
        )
        return self.definition.canonical_answers()[best]

    def doc_to_prefix(self, doc: Mapping[str, str]) -> str:
        """Return what the reply has already been begun with, usually nothing."""
        return doc["prefix"]

    def construct_requests(
        self, doc: Mapping[str, str], ctx: str, **kwargs: Any
    ) -> list[Instance]:
        """Ask for every spelling of every outcome behind every lead-in.

        Where the rendered prompt ends in newlines, lm-evaluation-harness moves them into
        the continuation; a last request scores them alone, to be subtracted.
        """
        continuations = list(self._continuations(ctx))
        if self._needs_border(ctx):
            continuations.append("")
        return [
            self._instance(doc, (ctx, text), i, kwargs)
            for i, text in enumerate(continuations)
        ]

    def _instance(
        self, doc: Mapping[str, str], arguments: tuple[Any, ...], i: int, kwargs: Any
    ) -> Instance:
        return Instance(
            request_type=self.OUTPUT_TYPE,
            doc=dict(doc),
            arguments=arguments,
            idx=i,
            metadata=kwargs.get("metadata", (None, None, None)),
        )

    def _continuations(self, ctx: str) -> Sequence[str]:
        return [
            lead_in + answer
            for outcome in range(self.definition.target.size)
            for answer in self.definition.key.answers(outcome)
            for lead_in in self._lead_ins(ctx)
        ]

    def _lead_ins(self, ctx: str) -> tuple[str, ...]:
        if self.protocol == "exact" or not ctx.endswith("\n"):
            return LEAD_INS
        # One more newline would merge with those that the prompt ends in.
        return tuple(lead_in for lead_in in LEAD_INS if lead_in != "\n")

    def _needs_border(self, ctx: str) -> bool:
        if self.protocol == "exact" or ctx == ctx.rstrip():
            return False
        if ctx.rstrip("\n") != ctx.rstrip():
            raise ModelError(
                "the rendered prompt ends in a blank, which lm-evaluation-harness merges "
                "with the answer; measure this model with `diffbench run` instead"
            )
        return True

    def process_results(
        self, doc: Mapping[str, str], results: Sequence[Any]
    ) -> dict[str, float]:
        """Return every metric of one prompt; NaN where there is no value."""
        return _floats(self.measure(doc["id"], results))

    def measure(self, prompt_id: str, results: Sequence[Any]) -> dict[str, MetricEntry]:
        """Return every metric of one prompt from its filtered responses."""
        return self.exact(prompt_id, results).metrics

    def exact(self, prompt_id: str, results: Sequence[Any]) -> ExactPrompt:
        """Return one prompt's probabilities from its filtered responses."""
        log_p = [float(responses[0][0]) for responses in results]
        n_spellings = sum(len(accepted) for accepted in self.definition.key.spellings)
        n_answers = len(log_p) - len(log_p) % n_spellings
        border = log_p[n_answers] if n_answers < len(log_p) else 0.0
        return exact_prompt(
            self.definition, prompt_id, [x - border for x in log_p[:n_answers]]
        )

    def apply_filters(self) -> None:
        """Keep all replies; the harness's own filter would keep the first only."""
        for instance in self._instances:
            instance.filtered_resps["none"] = list(instance.resps)

    def aggregation(self) -> dict[str, Callable[[Sequence[float]], float]]:
        """Average over prompts; a missing value makes the mean missing."""
        return {metric.name: _mean for metric in (*METRICS, *SAMPLED_METRICS)}

    def higher_is_better(self) -> dict[str, bool]:
        """Return directions where one way is better."""
        return {
            metric.name: metric.direction == "higher"
            for metric in (*METRICS, *SAMPLED_METRICS)
            if metric.direction in ("higher", "lower")
        }


class SampledDistributionTask(DistributionTask):
    """Measures a target distribution from replies drawn at temperature 1."""

    MODE: ClassVar[Mode] = "sampled"

    def _request_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "output_type": "generate_until",
            "repeats": int(config.get("samples", DEFAULT_SAMPLES)),
            "generation_kwargs": {
                **generation_settings(config.get("decoding", Decoding())),
                "until": [],
                "max_gen_toks": int(config.get("max_new_tokens", DEFAULT_MAX_NEW_TOKENS)),
            },
        }

    def construct_requests(
        self, doc: Mapping[str, str], ctx: str, **kwargs: Any
    ) -> list[Instance]:
        """Ask for one reply; the harness repeats the request."""
        arguments = (ctx, dict(self.config.generation_kwargs))
        return [self._instance(doc, arguments, 0, kwargs)]

    def measure(self, prompt_id: str, results: Sequence[Any]) -> dict[str, MetricEntry]:
        """Return every metric of one prompt from all its replies."""
        if self.definition.draws > 1:
            return listed_prompt(self.definition, results[0]).metrics
        return sampled_prompt(self.definition, prompt_id, results[0]).metrics


def make_task(
    definition: TaskDefinition,
    *,
    protocol: Protocol = "exact",
    samples: int = DEFAULT_SAMPLES,
    max_new_tokens: int = DEFAULT_MAX_NEW_TOKENS,
    decoding: Decoding | None = None,
) -> DistributionTask:
    """Return the harness task of a definition, of the class that its mode needs."""
    kind = SampledDistributionTask if definition.mode == "sampled" else DistributionTask
    return kind(
        config={
            "definition": definition,
            "protocol": protocol,
            "samples": samples,
            "max_new_tokens": max_new_tokens,
            "decoding": decoding or Decoding(),
        }
    )


def generation_settings(decoding: Decoding) -> dict[str, Any]:
    """Return what a request says of how to draw.

    Every setting is said: a model's own generation_config would otherwise change what is
    measured.
    """
    settings: dict[str, Any] = {
        "do_sample": True,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "top_k": decoding.top_k,
    }
    # Not every back end of the harness knows min_p, so it is said only where it is asked.
    return settings | ({"min_p": decoding.min_p} if decoding.min_p else {})


def _floats(metrics: Mapping[str, MetricEntry]) -> dict[str, float]:
    return {
        name: math.nan if entry.value is None else entry.value
        for name, entry in metrics.items()
    }


def _mean(values: Sequence[float]) -> float:
    return fmean(values)
