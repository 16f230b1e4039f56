"""One prompt by expansion: every tokenisation, with what stays undecided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from diffbench.answers import AnswerKey
from diffbench.engine.expansion import Expansion
from diffbench.harness.measure import target_record
from diffbench.options import RunOptions
from diffbench.results import (
    Exploration,
    ExploredReply,
    MetricEntry,
    metrics_from_exploration,
)
from diffbench.suite import TaskDefinition

__all__ = ["ExpandedPrompt", "ExpandingLM", "expand_prompt"]

_REPLY_SHOWN = 500


@runtime_checkable
class ExpandingLM(Protocol):
    """A model whose logits can be read after any beginning of a reply."""

    def expand(
        self,
        context: str,
        key: AnswerKey,
        answers: Sequence[str],
        *,
        epsilon: float,
        max_new_tokens: int,
    ) -> Expansion:
        """Expand the replies to a rendered prompt, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedPrompt:
    """What expansion says about one prompt: (K,) probabilities, metrics and the rest."""

    probabilities: list[float]
    metrics: dict[str, MetricEntry]
    exploration: Exploration


def expand_prompt(
    lm: ExpandingLM,
    definition: TaskDefinition,
    context: str,
    answers: Sequence[str],
    options: RunOptions,
) -> ExpandedPrompt:
    """Expand the replies to a rendered prompt.

    Args:
        lm: The model.
        definition: The task.
        context: The rendered prompt.
        answers: Replies to explore in any case: those of exact scoring, so that the
            expanded probability of an outcome is never below its exact one.
        options: Undecided mass to stop at, answer rule and longest reply.
    """
    found = lm.expand(
        context,
        definition.key,
        answers,
        epsilon=options.epsilon,
        max_new_tokens=options.longest_reply,
    )
    probabilities = [min(1.0, float(q)) for q in found.lower]
    exploration = _exploration(found)
    return ExpandedPrompt(
        probabilities=probabilities,
        metrics=metrics_from_exploration(
            target_record(definition.target), probabilities, exploration
        ),
        exploration=exploration,
    )


def _exploration(found: Expansion) -> Exploration:
    return Exploration(
        reachable=[min(1.0, float(mass)) for mass in found.reachable],
        undecided=min(1.0, found.undecided),
        passes=found.passes,
        invalid_replies=[
            ExploredReply(
                reply=reply.text[:_REPLY_SHOWN],
                probability=min(1.0, reply.probability),
                is_open=reply.is_open,
            )
            for reply in found.replies
        ],
    )
