"""From two measurements and questions to verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import isfinite

from diffbench.compare.direction import gain_between
from diffbench.compare.estimates import NoEstimateError
from diffbench.compare.exact import exact_value, exact_values, least_gain
from diffbench.compare.holm import holm
from diffbench.compare.measurement import MeasuredTask, Measurement
from diffbench.compare.pairing import Pair, pair_tasks
from diffbench.compare.permutation import RESAMPLES
from diffbench.compare.question import Question
from diffbench.compare.sampled import Family, SampledFinding, decide, find
from diffbench.compare.tolerance import numeric_tolerance
from diffbench.compare.verdict import MetricVerdict, Problem, Verdict
from diffbench.metrics import MetricValue, TargetArrays

__all__ = ["judge"]


def judge(
    before: Measurement,
    after: Measurement,
    questions: Sequence[Question],
    *,
    alpha: float,
    resamples: int = RESAMPLES,
) -> list[MetricVerdict]:
    """Return one verdict for each question, in their order.

    Args:
        before: The measurement to compare with.
        after: The measurement in question.
        questions: What to ask; a task that neither has is answered as missing.
        alpha: Chance of any false `worse` or `improved` among the counted questions
            on replies, at most; in (0, 1).
        resamples: Dealings of the permutation test.
    """
    pairs = {name: pair for pair in pair_tasks(before, after) for name in _names(pair)}
    found = [
        _first_look(question, pairs.get(question.task), before, after, resamples)
        for question in questions
    ]
    return _settle(found, alpha)


def _names(pair: Pair) -> set[str]:
    return {task.name for task in (pair.before, pair.after) if task is not None}


def _first_look(
    question: Question,
    pair: Pair | None,
    before: Measurement,
    after: Measurement,
    resamples: int,
) -> MetricVerdict | SampledFinding:
    if pair is None:
        return _unknown(question)
    verdict = _blank(question, pair)
    if pair.before is None or pair.after is None:
        return _problem(verdict, "missing", pair.reason or "in one of them only")
    if pair.reason:
        return _problem(verdict, "mismatch", pair.reason)
    target = pair.after.target or pair.before.target
    if target is None:
        return _problem(verdict, "mismatch", "no target to compare with")
    try:
        if not (pair.before.sampled or pair.after.sampled):
            tolerance = _tolerance(question, before, after)
            return _exact(verdict, question, pair.before, pair.after, target, tolerance)
        return find(verdict, question, pair.before, pair.after, target, resamples)
    except NoEstimateError as error:
        return _problem(verdict, "missing", str(error))
    except ValueError as error:
        return _problem(verdict, "invalid", str(error))


def _settle(
    found: Sequence[MetricVerdict | SampledFinding], alpha: float
) -> list[MetricVerdict]:
    """Decide what rests on replies, all of it together."""
    family = [
        one for one in found if isinstance(one, SampledFinding) and one.question.counted
    ]
    tested = [one for one in family if one.p_value is not None]
    adjusted = holm([one.p_value for one in tested if one.p_value is not None])
    by_id = {id(one): p for one, p in zip(tested, adjusted, strict=True)}
    size = Family(alpha=alpha, size=max(1, len(family)))
    return [
        decide(one, size, by_id.get(id(one))) if isinstance(one, SampledFinding) else one
        for one in found
    ]


def _tolerance(question: Question, before: Measurement, after: Measurement) -> float:
    stated = question.tolerance
    usual = numeric_tolerance(before, after) if stated is None else stated
    floors = [one.noise_floor.get(question.metric, 0.0) for one in (before, after)]
    return max(usual, *floors)


def _exact(
    verdict: MetricVerdict,
    question: Question,
    before: MeasuredTask,
    after: MeasuredTask,
    target: TargetArrays,
    tolerance: float,
) -> MetricVerdict:
    metric, better = question.metric, question.better
    rows = [exact_values(task, target, metric) for task in (before, after)]
    old, new = (exact_value(values) for values in rows)
    if old.value is None or new.value is None:
        return _problem(replace(verdict, kind="exact"), "missing", _why_none(old, new))
    gain = gain_between(old.value, new.value, metric=metric, better=better, target=target)
    allowed = tolerance * max(1.0, abs(old.value))
    worst = partial(least_gain, metric=metric, better=better, target=target)
    return replace(
        verdict,
        kind="exact",
        verdict=_word(gain, allowed),
        before=old.value,
        after=new.value,
        gain=gain,
        allowed=allowed,
        not_worse=gain >= -allowed,
        worst_prompt=worst(after, rows[0], rows[1]),
    )


def _word(gain: float, allowed: float) -> Verdict:
    if not isfinite(gain):
        raise ValueError(f"a change is {gain}")
    if gain < -allowed:
        return "worse"
    return "improved" if gain > allowed else "equivalent"


def _why_none(old: MetricValue, new: MetricValue) -> str:
    return f"no value: {old.reason or new.reason}"


def _unknown(question: Question) -> MetricVerdict:
    return MetricVerdict(
        task=question.task,
        title=question.task,
        family="",
        split="train",
        metric=question.metric,
        verdict="not_comparable",
        problem="missing",
        reason="in neither of them",
    )


def _blank(question: Question, pair: Pair) -> MetricVerdict:
    task = pair.task
    return MetricVerdict(
        task=question.task,
        title=task.title,
        family=task.family,
        split=task.split,
        metric=question.metric,
        verdict="not_comparable",
        n_before=None if pair.before is None else pair.before.n,
        n_after=None if pair.after is None else pair.after.n,
    )


def _problem(verdict: MetricVerdict, problem: Problem, reason: str) -> MetricVerdict:
    return replace(verdict, verdict="not_comparable", problem=problem, reason=reason)
