"""What a comparison comes to: one word for each task's metric, and one for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "LEVEL",
    "ChangeInterval",
    "Kind",
    "MetricVerdict",
    "Problem",
    "PromptChange",
    "Verdict",
    "Verdicts",
    "overall_verdict",
]

LEVEL = 0.95
"""Confidence level of the intervals that are shown."""

Verdict: TypeAlias = Literal[
    "improved", "worse", "equivalent", "unresolved", "not_comparable"
]
Kind: TypeAlias = Literal["exact", "sampled", "mixed"]
"""Both exact, both from replies, or one of each."""
Problem: TypeAlias = Literal["missing", "mismatch", "invalid"]
"""No value, another question, or a number that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeInterval:
    """Where the change lies, at a confidence level."""

    lo: float
    hi: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptChange:
    """The prompt whose exact value fell most, or rose least."""

    id: str
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVerdict:
    """One metric of one task in two measurements.

    Attributes:
        task: Name in the second measurement, else in the first.
        title: What the task is called.
        family: Its family.
        split: Whether its prompts are held out from tuning.
        metric: Name of the metric.
        kind: What the values rest on; None if they are not comparable.
        verdict: The word.
        before: The metric before, bias-corrected where it rests on replies.
        after: The metric after, likewise.
        gain: How much better it became, in the unit of the metric.
        interval: Of the gain; None where both values are exact.
        p_value: Of equal distributions, where both rest on replies.
        p_adjusted: The same after Holm's adjustment; None outside the family of tests.
        allowed: Damage that counts as none: tolerance or margin.
        not_worse: Whether damage beyond what is allowed is ruled out.
        smallest_difference: Damage that would have been found 4 times in 5.
        replies_needed: Replies a prompt that would settle an unresolved question.
        n_before: Replies of the prompt that has the fewest; None where exact.
        n_after: The same after.
        worst_prompt: Of exact values, the prompt that gained least.
        problem: Why they are not comparable, in a word.
        reason: The same in words.
    """

    task: str
    title: str
    family: str
    split: Literal["train", "held_out"]
    metric: str
    verdict: Verdict
    kind: Kind | None = None
    before: float | None = None
    after: float | None = None
    gain: float | None = None
    interval: ChangeInterval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    allowed: float | None = None
    not_worse: bool = False
    smallest_difference: float | None = None
    replies_needed: int | None = None
    n_before: int | None = None
    n_after: int | None = None
    worst_prompt: PromptChange | None = None
    problem: Problem | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """All tasks, and what they come to together.

    Attributes:
        overall: Worse if any task is; else not comparable if none can be judged; else
            unresolved if any is; else improved if any is; else equivalent.
        alpha: Chance of a false `worse` or `improved` among all of them, at most.
        tasks: One verdict for each task of either measurement.
    """

    overall: Verdict
    alpha: float
    tasks: Sequence[MetricVerdict]


def overall_verdict(verdicts: Sequence[MetricVerdict]) -> Verdict:
    """Return the word for all of them; tasks that cannot be judged decide nothing."""
    words = {one.verdict for one in verdicts} - {"not_comparable"}
    order: tuple[Verdict, ...] = ("worse", "unresolved", "improved", "equivalent")
    return next((word for word in order if word in words), "not_comparable")
