"""From replies that hold several answers each to a prompt's counts and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from diffbench.answers import AnswerRule, read_list, trim_list
from diffbench.harness.measure import target_record
from diffbench.results import FitResult, ListedDraws, MetricEntry
from diffbench.results.lists import fit_of_lists, metrics_from_lists, pairs_of_lists
from diffbench.suite import TaskDefinition
from diffbench.targets import Target

__all__ = ["ListedPrompt", "listed_prompt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrompt:
    """What N replies of several draws each say about one prompt.

    Attributes:
        counts: (K,) draws that are each outcome.
        invalid: Draws of each invalid kind.
        replies: Distinct replies, cut after their last answer, with their counts.
        lists: The draws of each reply.
    """

    counts: list[int]
    invalid: dict[str, int]
    replies: Mapping[str, int]
    metrics: dict[str, MetricEntry]
    fit: FitResult
    lists: ListedDraws


def listed_prompt(
    definition: TaskDefinition, replies: Iterable[str], rule: AnswerRule = "first"
) -> ListedPrompt:
    """Read all replies to one prompt, `definition.draws` answers each."""
    k, size = definition.draws, definition.target.size
    shown = [trim_list(reply, k) if rule == "first" else reply for reply in replies]
    read = [read_list(reply, definition.key, k, rule) for reply in shown]
    draws = [draw if isinstance(draw, int) else size for one in read for draw in one]
    invalid = Counter(draw for one in read for draw in one if isinstance(draw, str))
    counted = Counter(draws)
    distinct = Counter(shown)
    metrics, fit = _estimated(definition.target, tuple(draws), k)
    pairs = pairs_of_lists(draws, k, size)
    return ListedPrompt(
        counts=[counted[outcome] for outcome in range(size)],
        invalid={str(kind): n for kind, n in sorted(invalid.items())},
        replies=dict(sorted(distinct.items(), key=lambda item: (-item[1], item[0]))),
        metrics=dict(metrics),
        fit=fit,
        lists=ListedDraws(
            per_reply=k,
            draws=draws,
            equal_within=pairs.within,
            equal_between=pairs.between,
        ),
    )


# The harness asks for a prompt's metrics, and so does the run.
@lru_cache(maxsize=64)
def _estimated(
    target: Target, draws: tuple[int, ...], per_reply: int
) -> tuple[Mapping[str, MetricEntry], FitResult]:
    record = target_record(target)
    return (
        metrics_from_lists(record, draws, per_reply),
        fit_of_lists(record, draws, per_reply),
    )
