"""Compute every number of a biography task again, from its replies."""

from __future__ import annotations

from collections.abc import Iterator

from diffbench.answers import trim_sketch
from diffbench.hashing import prompt_sha256
from diffbench.results.base import MetricEntry, TargetRecord
from diffbench.results.biographies import BiographyPrompt, BiographyResult
from diffbench.results.biography_compute import (
    SketchMeasures,
    mean_biography_metrics,
    measure_sketches,
)
from diffbench.results.differences import metric_differences
from diffbench.targets import Target

__all__ = ["verify_biography"]


def verify_biography(result: BiographyResult) -> Iterator[str]:
    """Yield one sentence for each number that does not follow from the replies."""
    where = f"task {result.name}"
    for field, reference in result.references.items():
        if _sha256(reference.target) != reference.target.sha256:
            yield f"{where}: the reference of {field} does not match its sha256"
    targets = {field: one.target for field, one in result.references.items()}
    computed: list[dict[str, MetricEntry]] = []
    for prompt in result.prompts:
        at = f"{where}, prompt {prompt.id}"
        if prompt.prompt_sha256 != prompt_sha256(prompt.text, prompt.prefix):
            yield f"{at}: the text does not match its sha256"
        replies = dict(zip(prompt.replies, prompt.counts, strict=False))
        if fault := _fault(prompt, replies, result.samples):
            yield f"{at}: cannot be computed again: {fault}"
            return
        try:
            found = measure_sketches(replies, targets)
        except (ValueError, OverflowError) as error:
            yield f"{at}: cannot be computed again: {error}"
            return
        yield from _counted_differences(at, prompt, found)
        yield from metric_differences(at, prompt.metrics, found.metrics)
        computed.append(found.metrics)
    yield from metric_differences(where, result.metrics, mean_biography_metrics(computed))


def _fault(prompt: BiographyPrompt, replies: dict[str, int], samples: int) -> str | None:
    if len(prompt.replies) != len(prompt.counts) or len(replies) < len(prompt.replies):
        return "its replies are not distinct, or not as many as their counts"
    if any(trim_sketch(reply) != reply for reply in replies):
        return "a reply goes on after its sixth closing brace"
    if min(replies.values(), default=0) < 1:
        return "a reply was never drawn"
    if sum(replies.values()) != samples:
        return f"there are {sum(replies.values())} replies, not {samples}"
    return None


def _counted_differences(
    where: str, prompt: BiographyPrompt, computed: SketchMeasures
) -> Iterator[str]:
    if prompt.malformed != computed.malformed:
        yield f"{where}: the malformed kinds do not follow from the replies"
    for field in dict.fromkeys([*prompt.fields, *computed.fields]):
        if prompt.fields.get(field) != computed.fields.get(field):
            yield f"{where}: the values of {field} do not follow from the replies"


def _sha256(record: TargetRecord) -> str:
    return Target(
        outcomes=tuple(record.outcomes),
        probabilities=tuple(record.probabilities),
        aliases=tuple(tuple(names) for names in record.aliases),
        values=None if record.values is None else tuple(record.values),
        listed_mass=record.listed_mass,
    ).sha256
