"""A family of instructed targets as one lm-evaluation-harness task.

The plain harness knows one task a file, so here the documents are the prompts of all of
the file's targets. `diffbench run` measures each target as a task of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datasets import Dataset, concatenate_datasets
from lm_eval.api.instance import Instance

from diffbench.harness.task import DistributionTask, SampledDistributionTask
from diffbench.suite import Mode, family_from_config

__all__ = ["InstructedTask", "SampledInstructedTask"]


class InstructedTask(DistributionTask):
    """Measures all targets of a family file from log-probabilities.

    Args:
        config: The keys of the file.
    """

    MEMBER: ClassVar[type[DistributionTask]] = DistributionTask

    def __init__(self, config: Mapping[str, Any], **_: object) -> None:
        metadata = dict(config.get("metadata") or {})
        path = Path(str(metadata.get("config_source", "inline task")))
        definitions = family_from_config(config, path)
        self._members = {
            definition.name: self.MEMBER({**config, "definition": definition})
            for definition in definitions
        }
        super().__init__({**config, "definition": definitions[0]})

    def _request_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        first = next(iter(self._members.values()))
        return {**first._request_config(config), "task": config["task"]}

    def download(self, *_: object, **__: object) -> None:
        """Make the prompts of all targets the documents of the only split."""
        parts: list[Dataset] = []
        for name, member in self._members.items():
            documents = member.dataset["test"]
            parts.append(documents.add_column("target_task", [name] * len(documents)))
        self.dataset = {"test": concatenate_datasets(parts)}

    def _member(self, doc: Mapping[str, str]) -> DistributionTask:
        return self._members[doc["target_task"]]

    def doc_to_target(self, doc: Mapping[str, str], *_: object) -> str:
        """Return the most probable outcome's answer; harness logs show it."""
        return self._member(doc).doc_to_target(doc)

    def construct_requests(
        self, doc: Mapping[str, str], ctx: str, **kwargs: Any
    ) -> list[Instance]:
        """Ask what the document's own target asks."""
        return self._member(doc).construct_requests(doc, ctx, **kwargs)

    def process_results(
        self, doc: Mapping[str, str], results: Sequence[Any]
    ) -> dict[str, float]:
        """Return every metric of one prompt against its own target."""
        return self._member(doc).process_results(doc, results)


class SampledInstructedTask(InstructedTask):
    """Measures all targets of a family file from replies drawn at temperature 1."""

    MODE: ClassVar[Mode] = "sampled"
    MEMBER: ClassVar[type[DistributionTask]] = SampledDistributionTask
