"""From a prompt's log-probabilities or replies to its probabilities, counts and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from diffbench.answers import AnswerRule, Valid, read_reply, trim_reply
from diffbench.errors import ModelError
from diffbench.metrics import equal_neighbours
from diffbench.metrics.logspace import log_sum
from diffbench.results import (
    FitResult,
    MetricEntry,
    TargetRecord,
    fit_of_counts,
    metrics_from_counts,
    metrics_from_probabilities,
)
from diffbench.suite import TaskDefinition
from diffbench.targets import Target

__all__ = [
    "CountedReplies",
    "ExactPrompt",
    "SampledPrompt",
    "count_replies",
    "exact_prompt",
    "sampled_prompt",
    "target_record",
]

# Half-precision logits differ between forward passes, so disjoint masses may sum to a
# little above 1. More than this is a mistake, not rounding.
_MAX_EXCESS_MASS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactPrompt:
    """What log-probabilities say about one prompt: (K,) probabilities and metrics."""

    id: str
    probabilities: list[float]
    metrics: dict[str, MetricEntry]

    @property
    def valid_mass(self) -> float:
        """Probability of all valid answers together."""
        return sum(self.probabilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedReplies:
    """What N replies to one prompt are.

    Attributes:
        counts: (K,) replies that are each outcome.
        invalid: Replies of each invalid kind.
        replies: Distinct replies, cut after the answer, with their counts.
        equal_neighbours: Replies of the same outcome or invalid kind as the one before.
    """

    counts: list[int]
    invalid: dict[str, int]
    replies: Mapping[str, int]
    equal_neighbours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledPrompt(CountedReplies):
    """What N replies say about one prompt.

    Attributes:
        fit: Tests of whether the replies are draws from the target.
    """

    id: str
    metrics: dict[str, MetricEntry]
    fit: FitResult


def target_record(target: Target) -> TargetRecord:
    """Return a target as results files hold it."""
    return TargetRecord(
        outcomes=list(target.outcomes),
        probabilities=list(target.probabilities),
        aliases=[list(names) for names in target.aliases],
        values=None if target.values is None else list(target.values),
        listed_mass=target.listed_mass,
        sha256=target.sha256,
    )


def exact_prompt(
    definition: TaskDefinition, prompt_id: str, log_p: Sequence[float]
) -> ExactPrompt:
    """Sum the probability of each outcome over its spellings and lead-ins.

    Args:
        definition: The task.
        prompt_id: Which of its prompts.
        log_p: Natural log-probabilities, for each outcome, for each of its spellings,
            for each lead-in: the order of `DistributionTask.construct_requests`.

    Raises:
        ModelError: If the probabilities are not a distribution.
    """
    n_spellings = [len(accepted) for accepted in definition.key.spellings]
    n_lead_ins = len(log_p) // sum(n_spellings)
    ends = np.cumsum(n_spellings) * n_lead_ins
    groups = np.split(np.asarray(log_p, dtype=np.float64), ends[:-1])
    probabilities = np.exp([log_sum(group) for group in groups])
    total = float(probabilities.sum())
    if not np.isfinite(total) or total > 1 + _MAX_EXCESS_MASS:
        raise ModelError(
            f"task {definition.name}, prompt {prompt_id}: the answers' probabilities sum "
            f"to {total}, which no model can mean; try --dtype float32"
        )
    if total > 1:
        probabilities /= total
    values = [float(q) for q in probabilities]
    record = target_record(definition.target)
    return ExactPrompt(
        id=prompt_id,
        probabilities=values,
        metrics=metrics_from_probabilities(record, values),
    )


def count_replies(
    definition: TaskDefinition, replies: Iterable[str], rule: AnswerRule = "first"
) -> CountedReplies:
    """Read all replies to one prompt under the answer rule."""
    drawn = [trim_reply(reply) if rule == "first" else reply for reply in replies]
    distinct = Counter(drawn)
    labels: dict[str, int | str] = {}
    counts = [0] * definition.target.size
    invalid: Counter[str] = Counter()
    for reply, n in distinct.items():
        answer = read_reply(reply, definition.key, rule)
        if isinstance(answer, Valid):
            counts[answer.outcome] += n
            labels[reply] = answer.outcome
        else:
            invalid[answer.kind] += n
            labels[reply] = answer.kind
    return CountedReplies(
        counts=counts,
        invalid=dict(sorted(invalid.items())),
        replies=dict(sorted(distinct.items(), key=lambda item: (-item[1], item[0]))),
        equal_neighbours=equal_neighbours([labels[reply] for reply in drawn]),
    )


def sampled_prompt(
    definition: TaskDefinition,
    prompt_id: str,
    replies: Iterable[str],
    rule: AnswerRule = "first",
) -> SampledPrompt:
    """Estimate every metric from all replies to one prompt."""
    counted = count_replies(definition, replies, rule)
    n_invalid = sum(counted.invalid.values())
    metrics, fit = _estimated(definition.target, tuple(counted.counts), n_invalid)
    return SampledPrompt(
        id=prompt_id,
        counts=counted.counts,
        invalid=counted.invalid,
        replies=counted.replies,
        equal_neighbours=counted.equal_neighbours,
        metrics=dict(metrics),
        fit=fit,
    )


# The harness asks for a prompt's metrics, and so does the run.
@lru_cache(maxsize=64)
def _estimated(
    target: Target, counts: tuple[int, ...], n_invalid: int
) -> tuple[Mapping[str, MetricEntry], FitResult]:
    record = target_record(target)
    return (
        metrics_from_counts(record, counts, n_invalid),
        fit_of_counts(record, counts, n_invalid),
    )
