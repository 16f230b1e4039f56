"""The lm-evaluation-harness task of biography sketches, and one task's run."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from datasets import Dataset
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from diffbench.answers import SKETCH_FIELDS, trim_sketch
from diffbench.engine.decoding import Decoding
from diffbench.harness.measure import target_record
from diffbench.harness.task import (
    CLOSED_BY,
    DistributionTask,
    Protocol,
    generation_settings,
    make_task,
)
from diffbench.metrics import equal_neighbours
from diffbench.options import DEFAULT_SKETCH_TOKENS, DEFAULT_SKETCHES
from diffbench.results import (
    BIOGRAPHY_METRICS,
    BiographyPrompt,
    ReferenceRecord,
    measure_sketches,
)
from diffbench.suite import AnyTask, BiographyDefinition, biography_from_config

__all__ = [
    "BiographyTask",
    "biography_prompt",
    "harness_task",
    "make_biography_task",
    "references_of",
]


class BiographyTask(ConfigurableTask):  # type: ignore[misc]
    """Measures made-up people from replies drawn at temperature 1.

    Args:
        config: The keys of the task file, or `definition` with an already checked task
            and perhaps `samples`, `max_new_tokens` and `decoding`.
    """

    def __init__(self, config: Mapping[str, Any], **_: object) -> None:
        definition = config.get("definition")
        if not isinstance(definition, BiographyDefinition):
            metadata = dict(config.get("metadata") or {})
            path = Path(str(metadata.get("config_source", "inline task")))
            given = {
                **config,
                "metadata": {k: v for k, v in metadata.items() if k != "config_source"},
            }
            definition = biography_from_config(given, path)
        self.definition = definition
        super().__init__(
            config={
                "task": definition.name,
                "test_split": "test",
                "num_fewshot": 0,
                "target_delimiter": "",
                "metadata": {"version": definition.version},
                "output_type": "generate_until",
                "repeats": int(config.get("samples", DEFAULT_SKETCHES)),
                "generation_kwargs": {
                    **generation_settings(config.get("decoding", Decoding())),
                    "until": [],
                    "max_gen_toks": int(
                        config.get("max_new_tokens", DEFAULT_SKETCH_TOKENS)
                    ),
                },
            }
        )

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
                        "closings": len(SKETCH_FIELDS) - prompt.prefix.count(CLOSED_BY),
                    }
                    for prompt in self.definition.measured_prompts
                ]
            )
        }

    def doc_to_text(self, doc: Mapping[str, str], *_: object) -> str:
        """Return the prompt's wording."""
        return doc["text"]

    def doc_to_target(self, doc: Mapping[str, str], *_: object) -> str:
        """Return nothing: there is no right answer."""
        return ""

    def doc_to_prefix(self, doc: Mapping[str, str]) -> str:
        """Return what the reply has already been begun with, usually nothing."""
        return doc["prefix"]

    def construct_requests(
        self, doc: Mapping[str, str], ctx: str, **kwargs: Any
    ) -> list[Instance]:
        """Ask for one reply; the harness repeats the request."""
        return [
            Instance(
                request_type="generate_until",
                doc=dict(doc),
                arguments=(ctx, dict(self.config.generation_kwargs)),
                idx=0,
                metadata=kwargs.get("metadata", (None, None, None)),
            )
        ]

    def process_results(
        self, doc: Mapping[str, str], results: Sequence[Any]
    ) -> dict[str, float]:
        """Return every metric of one prompt; NaN where there is no value."""
        found = biography_prompt(self.definition, doc["id"], results[0], rendered="")
        return {
            name: math.nan if entry.value is None else entry.value
            for name, entry in found.metrics.items()
        }

    def apply_filters(self) -> None:
        """Keep all replies; the harness's own filter would keep the first only."""
        for instance in self._instances:
            instance.filtered_resps["none"] = list(instance.resps)

    def aggregation(self) -> dict[str, Callable[[Sequence[float]], float]]:
        """Average over prompts; a missing value makes the mean missing."""
        return dict.fromkeys(self._names(), fmean)

    def higher_is_better(self) -> dict[str, bool]:
        """Return directions where one way is better: the share of well-formed replies.

        How diverse made-up people should be is not known.
        """
        return {"well_formed": True}

    def _names(self) -> list[str]:
        compared = [
            f"{one.field}.{metric}"
            for one in self.definition.references
            for metric in ("overlap", "overlap_valid", "listed")
        ]
        return [*BIOGRAPHY_METRICS, *compared]


def harness_task(
    definition: AnyTask, *, protocol: Protocol = "exact"
) -> DistributionTask | BiographyTask:
    """Return the harness task of any definition, to see how its prompts are rendered."""
    if isinstance(definition, BiographyDefinition):
        return make_biography_task(definition, samples=1)
    return make_task(definition, protocol=protocol, samples=1)


def make_biography_task(
    definition: BiographyDefinition,
    *,
    samples: int = DEFAULT_SKETCHES,
    max_new_tokens: int = DEFAULT_SKETCH_TOKENS,
    decoding: Decoding | None = None,
) -> BiographyTask:
    """Return the harness task of a definition."""
    return BiographyTask(
        config={
            "definition": definition,
            "samples": samples,
            "max_new_tokens": max_new_tokens,
            "decoding": decoding or Decoding(),
        }
    )


def references_of(definition: BiographyDefinition) -> dict[str, ReferenceRecord]:
    """Return a task's references as results files hold them."""
    return {
        one.field: ReferenceRecord(title=one.title, target=target_record(one.target))
        for one in definition.references
    }


def biography_prompt(
    definition: BiographyDefinition,
    prompt_id: str,
    replies: Sequence[str],
    *,
    rendered: str,
    has_order: bool = False,
) -> BiographyPrompt:
    """Measure one prompt from all its replies.

    Args:
        definition: The task.
        prompt_id: Which of its prompts.
        replies: As drawn, in the order in which they came; at least one.
        rendered: The prompt as the chat template rendered it.
        has_order: Whether that order says anything.
    """
    (prompt,) = (one for one in definition.measured_prompts if one.id == prompt_id)
    # How a reply was begun belongs to it.
    drawn = [trim_sketch(prompt.prefix + reply) for reply in replies]
    counts = dict(sorted(Counter(drawn).items(), key=lambda item: (-item[1], item[0])))
    targets = {field: one.target for field, one in references_of(definition).items()}
    found = measure_sketches(counts, targets)
    return BiographyPrompt(
        id=prompt.id,
        text=prompt.text,
        prefix=prompt.prefix,
        prompt_sha256=prompt.sha256,
        rendered_sha256=hashlib.sha256(rendered.encode()).hexdigest(),
        replies=list(counts),
        counts=list(counts.values()),
        malformed=found.malformed,
        fields=found.fields,
        metrics=found.metrics,
        equal_neighbours=equal_neighbours(drawn) if has_order else None,
    )
