"""From replies to the fields and metrics of a biography prompt.

The runner writes what these functions return; `verify` calls them again on the file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from scipy.special import entr

from diffbench.answers import (
    VALUE_FIELDS,
    KnownValues,
    Malformed,
    Sketch,
    read_sketch,
    read_values,
    value_key,
)
from diffbench.metrics import (
    MetricValue,
    binomial_interval,
    distinct_interval,
    distinct_ngrams,
    entropy_chao_shen,
    rarefied_distinct,
    unigram_diversity,
    words,
)
from diffbench.results.base import Interval, MetricEntry, TargetRecord
from diffbench.results.biographies import FieldValues
from diffbench.results.compute import mean_entry, metrics_from_counts

__all__ = [
    "BIOGRAPHY_METRICS",
    "DISTINCT_DRAWS",
    "DIVERSITY_WORDS",
    "SketchMeasures",
    "mean_biography_metrics",
    "measure_sketches",
]

DISTINCT_DRAWS: Final = 100
"""Replies of which the expected number of distinct values is told."""

DIVERSITY_WORDS: Final = 1000
"""Words of which the expected share of distinct ones is told."""

_PER_FIELD: Final = ("readable", "distinct", "distinct_100", "entropy", "top_share")
_TEXTS: Final = ("achievement", "whole")
_PER_TEXT: Final = ("unigram_diversity", "distinct_1", "distinct_2")

BIOGRAPHY_METRICS: Final = (
    "well_formed",
    *(f"{field}.{metric}" for field in VALUE_FIELDS for metric in _PER_FIELD),
    *(f"{text}.{metric}" for text in _TEXTS for metric in _PER_TEXT),
)
"""What every biography prompt has; a field with a reference has `FIELD.overlap`,
`FIELD.overlap_valid` and `FIELD.listed` too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchMeasures:
    """What a prompt's replies say: malformed kinds, values of the fields, metrics."""

    malformed: dict[str, int]
    fields: dict[str, FieldValues]
    metrics: dict[str, MetricEntry]


def measure_sketches(
    replies: Mapping[str, int],
    references: Mapping[str, TargetRecord],
) -> SketchMeasures:
    """Read N replies and compute every metric.

    Args:
        replies: Distinct replies, each with how often it was drawn; at least one.
        references: Real distributions of some fields.
    """
    n = sum(replies.values())
    known = _known(references)
    malformed: Counter[str] = Counter()
    sketches: list[tuple[Sketch, int]] = []
    for reply, count in sorted(replies.items()):
        found = read_sketch(reply)
        if isinstance(found, Malformed):
            malformed[found.kind] += count
        else:
            sketches.append((found, count))
    n_formed = sum(count for _, count in sketches)
    fields = _field_values(sketches, known)
    metrics = {"well_formed": _share(n_formed, n)}
    for field, values in fields.items():
        metrics |= _field_metrics(field, values, n)
        if field in references:
            metrics |= _compared(field, values, references[field], n)
    metrics |= _text_metrics(sketches)
    return SketchMeasures(
        malformed=dict(sorted(malformed.items())), fields=fields, metrics=metrics
    )


def mean_biography_metrics(
    members: Sequence[Mapping[str, MetricEntry]],
) -> dict[str, MetricEntry]:
    """Average each metric over prompts with equal weight; a null member makes a null."""
    return {
        name: mean_entry([member[name] for member in members])
        for name in members[0]
        if all(name in member for member in members)
    }


def _known(references: Mapping[str, TargetRecord]) -> KnownValues:
    return {
        field: {
            value_key(spelling): outcome
            for outcome, aliases in zip(target.outcomes, target.aliases, strict=True)
            for spelling in (*aliases, outcome)
        }
        for field, target in references.items()
    }


def _field_values(
    sketches: Iterable[tuple[Sketch, int]], known: KnownValues
) -> dict[str, FieldValues]:
    """Count each field's values; spellings that differ in case alone are one value."""
    spellings: dict[str, dict[str, Counter[str]]] = {
        field: defaultdict(Counter) for field in VALUE_FIELDS
    }
    unread: Counter[str] = Counter()
    for sketch, count in sketches:
        for field, value in read_values(sketch, known).items():
            key = None if value is None else value_key(value)
            if value is None or not key:
                unread[field] += count
            else:
                spellings[field][key][value] += count
    return {field: _listed(spellings[field], unread[field]) for field in VALUE_FIELDS}


def _listed(spellings: Mapping[str, Counter[str]], unread: int) -> FieldValues:
    """List values, the commonest first, each in its commonest spelling."""
    listed = sorted(
        (-found.total(), min(found, key=lambda text: (-found[text], text)))
        for found in spellings.values()
    )
    return FieldValues(
        values=[value for _, value in listed],
        counts=[-minus for minus, _ in listed],
        unread=unread,
    )


def _share(hits: int, n: int) -> MetricEntry:
    interval = Interval(**asdict(binomial_interval(hits, n)))
    return MetricEntry(value=hits / n, interval=interval, n=n)


def _field_metrics(field: str, values: FieldValues, n: int) -> dict[str, MetricEntry]:
    n_read = sum(values.counts)
    found = {
        "readable": _share(n_read, n),
        "distinct": MetricEntry(value=float(len(values.counts)), n=n),
        "distinct_100": _distinct(values.counts or [0], n),
    }
    if n_read:
        counts = np.asarray(values.counts)
        plain = float(entr(counts / n_read).sum())
        entropy = _entry(entropy_chao_shen(counts), n_read)
        found["entropy"] = entropy.model_copy(update={"raw": plain})
        found["top_share"] = MetricEntry(value=float(counts[0]) / n_read, n=n_read)
    else:
        missing = MetricEntry(value=None, reason="no reply has a value", n=n)
        found |= {"entropy": missing, "top_share": missing}
    return {f"{field}.{name}": entry for name, entry in found.items()}


def _distinct(counts: Sequence[int], n: int) -> MetricEntry:
    if n < DISTINCT_DRAWS:
        reason = f"there are {n} replies, fewer than {DISTINCT_DRAWS}"
        return MetricEntry(value=None, reason=reason, n=n)
    interval = distinct_interval(counts, n, DISTINCT_DRAWS)
    return MetricEntry(
        value=rarefied_distinct(counts, n, DISTINCT_DRAWS),
        interval=None if interval is None else Interval(**asdict(interval)),
        n=n,
    )


def _compared(
    field: str, values: FieldValues, reference: TargetRecord, n: int
) -> dict[str, MetricEntry]:
    """Compare a field with a real distribution; what that does not list earns nothing."""
    drawn = dict(zip(values.values, values.counts, strict=True))
    counts = [drawn.get(outcome, 0) for outcome in reference.outcomes]
    found = metrics_from_counts(reference, counts, n - sum(counts))
    return {
        f"{field}.overlap": found["overlap"],
        f"{field}.overlap_valid": found["overlap_valid"],
        f"{field}.listed": found["valid_mass"],
    }


def _text_metrics(sketches: Sequence[tuple[Sketch, int]]) -> dict[str, MetricEntry]:
    texts = {
        "achievement": [words(one.achievement) for one, n in sketches for _ in range(n)],
        "whole": [words(" ".join(one.texts)) for one, n in sketches for _ in range(n)],
    }
    found: dict[str, MetricEntry] = {}
    for name in _TEXTS:
        n = len(texts[name])
        diversity = unigram_diversity(texts[name], DIVERSITY_WORDS)
        found[f"{name}.unigram_diversity"] = _entry(diversity, n)
        for size in (1, 2):
            value = distinct_ngrams(texts[name], size)
            found[f"{name}.distinct_{size}"] = _entry(value, n)
    return found


def _entry(value: MetricValue, n: int) -> MetricEntry:
    return MetricEntry(value=value.value, reason=value.reason, n=n)
