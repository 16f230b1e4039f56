"""Values from replies: an interval decides what matters, a test whether anything moved."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffbench.compare.estimates import AtLevel, estimate_task
from diffbench.compare.intervals import Estimate, difference
from diffbench.compare.measurement import MeasuredPrompt, MeasuredTask
from diffbench.compare.permutation import STATISTICS, content_seed, permutation_p
from diffbench.compare.power import replies_needed, smallest_difference
from diffbench.compare.question import Question
from diffbench.compare.verdict import LEVEL, ChangeInterval, MetricVerdict, Verdict
from diffbench.metrics import IntArray, TargetArrays

__all__ = ["Family", "SampledFinding", "decide", "find"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The questions on replies that are answered together.

    Attributes:
        alpha: Chance of any false answer among them, at most.
        size: How many they are.
    """

    alpha: float
    size: int

    @property
    def level(self) -> float:
        """Level at which all their intervals hold at once (Bonferroni)."""
        return 1 - self.alpha / self.size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledFinding:
    """What replies say of one question, before all questions are decided together.

    Attributes:
        verdict: Filled in but for the decision.
        question: What was asked.
        gain_at: The gain, with limits at the level that is given.
        p_value: Of equal distributions; None where one side is exact.
    """

    verdict: MetricVerdict
    question: Question
    gain_at: AtLevel
    p_value: float | None


def find(
    verdict: MetricVerdict,
    question: Question,
    before: MeasuredTask,
    after: MeasuredTask,
    target: TargetArrays,
    resamples: int,
) -> SampledFinding:
    """Estimate a change and test whether there is any.

    Raises:
        NoEstimateError: If the replies do not carry an estimate of the metric.
        ValueError: If the question's direction is not one of a plain difference.
    """
    metric = question.metric
    old, new = (estimate_task(task, target, metric) for task in (before, after))
    if question.better not in ("higher", "lower"):
        raise ValueError(f"{question.better} is no direction for values from replies")
    both = before.sampled and after.sampled

    def gain_at(level: float) -> Estimate:
        if question.better == "lower":
            return difference(new(level), old(level))
        return difference(old(level), new(level))

    gain = gain_at(LEVEL)
    p_value = _p_value(metric, before, after, target, resamples) if both else None
    return SampledFinding(
        verdict=replace(
            verdict,
            kind="sampled" if both else "mixed",
            before=old(LEVEL).value,
            after=new(LEVEL).value,
            gain=gain.value,
            interval=ChangeInterval(lo=gain.lo, hi=gain.hi, level=LEVEL),
            p_value=p_value,
            allowed=question.margin,
        ),
        question=question,
        gain_at=gain_at,
        p_value=p_value,
    )


def decide(
    finding: SampledFinding, family: Family, p_adjusted: float | None
) -> MetricVerdict:
    """Say what a finding comes to among all that were made.

    Worse: damage beyond the margin at the family's level, and distributions that
    differ after Holm's adjustment. Equivalent: the interval lies within the margin.
    """
    margin = finding.question.margin
    level = family.level if finding.question.counted else 1 - family.alpha
    shown, strict = finding.gain_at(LEVEL), finding.gain_at(level)
    p_value = finding.p_value if p_adjusted is None else p_adjusted
    differs = p_value is None or p_value < family.alpha
    word = _word(shown, strict, margin, differs=differs)
    numbers = finding.verdict
    return replace(
        numbers,
        verdict=word,
        p_adjusted=p_adjusted,
        not_worse=shown.lo >= -margin,
        smallest_difference=smallest_difference(strict, level=level, margin=margin),
        replies_needed=None
        if word != "unresolved"
        else replies_needed(
            strict,
            level=level,
            margin=margin,
            n_before=numbers.n_before,
            n_after=numbers.n_after,
        ),
    )


def _word(shown: Estimate, strict: Estimate, margin: float, *, differs: bool) -> Verdict:
    if differs and strict.hi < -margin:
        return "worse"
    if differs and strict.lo > margin:
        return "improved"
    inside = shown.lo >= -margin and shown.hi <= margin
    return "equivalent" if inside else "unresolved"


def _p_value(
    metric: str,
    before: MeasuredTask,
    after: MeasuredTask,
    target: TargetArrays,
    resamples: int,
) -> float:
    ours = [_counts(prompt) for prompt in before.prompts]
    theirs = [_counts(prompt) for prompt in after.prompts]
    return permutation_p(
        target,
        ours,
        theirs,
        statistic=STATISTICS[metric],
        rng=np.random.default_rng(content_seed(metric, *ours, *theirs)),
        resamples=resamples,
    )


def _counts(prompt: MeasuredPrompt) -> IntArray:
    """Return (K + 1,): replies of each outcome, and invalid ones of any kind."""
    if prompt.counts is None:
        raise ValueError(f"prompt {prompt.id} has no counts")
    return np.append(prompt.counts, prompt.n_invalid)
