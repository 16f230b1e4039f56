"""The gate: a result against a baseline, and the one report of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from diffbench.compare import Measurement, Question, judge, measurement_of, pair_tasks
from diffbench.compare.permutation import RESAMPLES
from diffbench.errors import printable
from diffbench.gate.baseline import Baseline, read_measurement
from diffbench.gate.config import CheckConfig, Rule
from diffbench.gate.differences import made_differently
from diffbench.gate.outcome import new_task, no_task, outcome_of
from diffbench.gate.report import EXIT_CODES, CheckReport, Conclusion, Outcome, conclude
from diffbench.results import RunResult, verify_result

__all__ = ["CheckRequest", "check_result", "refused"]

_MOST_PROBLEMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """How a check is made.

    Attributes:
        config: What is checked.
        strict: Whether what is unresolved fails.
        today: The day on which accepted damage may have expired.
        resamples: Dealings of the permutation test.
    """

    config: CheckConfig
    strict: bool
    today: date
    resamples: int = RESAMPLES


def check_result(
    result: RunResult, baseline: Baseline, request: CheckRequest
) -> CheckReport:
    """Check a result against a baseline."""
    wrong = verify_result(result)
    if wrong:
        more = f", and {len(wrong) - _MOST_PROBLEMS} more" if len(wrong) > 3 else ""
        return refused(
            f"the result does not hold: {'; '.join(wrong[:_MOST_PROBLEMS])}{more}",
            strict=request.strict,
        )
    before, after = read_measurement(baseline), measurement_of(result)
    asked = list(_questions(before, request.config))
    verdicts = judge(
        before,
        after,
        [question for question, _ in asked],
        alpha=request.config.alpha,
        resamples=request.resamples,
    )
    outcomes = [
        outcome_of(verdict, rule, request.config, request.today)
        for verdict, (_, rule) in zip(verdicts, asked, strict=True)
    ]
    outcomes += [no_task(rule) for rule in _rules_without_task(before, request.config)]
    outcomes += [new_task(name) for name in _new_tasks(before, after)]
    conclusion = conclude(outcomes, strict=request.strict)
    return CheckReport(
        conclusion=conclusion,
        exit_code=EXIT_CODES[conclusion],
        strict=request.strict,
        headline=_headline(conclusion, outcomes),
        result=printable(after.model.id),
        baseline=printable(before.model.id),
        outcomes=outcomes,
        differences=made_differently(before, after),
        notes=list(_notes(baseline, outcomes, request)),
    )


def refused(reason: str, *, strict: bool) -> CheckReport:
    """Return the report of a check that could not even begin."""
    return CheckReport(
        conclusion="cannot_judge",
        exit_code=EXIT_CODES["cannot_judge"],
        strict=strict,
        headline=f"Cannot judge: {printable(reason, 1000)}",
        result="",
        baseline="",
        outcomes=(),
        differences=(),
        notes=(),
    )


def _questions(before: Measurement, config: CheckConfig) -> Iterator[tuple[Question, Rule]]:
    for task in before.tasks:
        for rule in config.rules_for(task.name):
            tolerance = config.tolerance if rule.tolerance is None else rule.tolerance
            question = Question(
                task=task.name,
                metric=rule.metric,
                better=rule.better,
                tolerance=tolerance,
                margin=config.margin if rule.margin is None else rule.margin,
                counted=rule.tier == "blocking",
            )
            yield question, rule


def _rules_without_task(before: Measurement, config: CheckConfig) -> Iterator[Rule]:
    for rule in config.rules:
        if rule.required and not any(rule.fits(task.name) for task in before.tasks):
            yield rule


def _new_tasks(before: Measurement, after: Measurement) -> Iterator[str]:
    for pair in pair_tasks(before, after):
        if pair.before is None:
            yield pair.task.name


def _headline(conclusion: Conclusion, outcomes: Sequence[Outcome]) -> str:
    blocking = [one for one in outcomes if one.blocks]

    def count(*statuses: str) -> int:
        return sum(one.status in statuses for one in blocking)

    if conclusion == "regression":
        return f"Regression: {count('regression')} of {len(blocking)} blocking checks."
    if conclusion == "cannot_judge":
        unjudged = [
            one
            for one in outcomes
            if one.required and one.status in ("missing", "not_comparable", "invalid")
        ]
        if not unjudged:
            return "Cannot judge: no blocking check was judged."
        return f"Cannot judge: {len(unjudged)} of {len(outcomes)} checks have no judgement."
    open_ones = count("unresolved")
    if conclusion == "unresolved":
        return f"Unresolved: {open_ones} of {len(blocking)} blocking checks, and --strict."
    if open_ones:
        return (
            f"Pass: no regression seen in {len(blocking)} blocking checks, {open_ones} of "
            "them unresolved (--strict fails on those)."
        )
    return f"Pass: no regression in {len(blocking)} blocking checks."


def _notes(
    baseline: Baseline, outcomes: Sequence[Outcome], request: CheckRequest
) -> Iterator[str]:
    reason = printable(baseline.reason, 500)
    yield f"Baseline of {printable(baseline.created, 40)}: {reason}"
    for one in request.config.accepted:
        where = f"{printable(one.task)} {one.metric}"
        used = any(o.name == where and o.status == "accepted" for o in outcomes)
        if one.expires < request.today:
            yield f"Accepted damage of {where} expired on {one.expires}."
        elif not used:
            yield f"Accepted damage of {where} is not needed; remove it."
