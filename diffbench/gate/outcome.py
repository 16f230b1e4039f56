"""From a verdict and a rule to what the gate makes of it."""

from __future__ import annotations

from datetime import date

from diffbench.compare import MetricVerdict
from diffbench.compare.describe import describe
from diffbench.errors import printable
from diffbench.gate.config import Accepted, CheckConfig, Rule
from diffbench.gate.report import Outcome, Status

__all__ = ["new_task", "no_task", "outcome_of"]

_UNJUDGED: dict[str, Status] = {
    "missing": "missing",
    "mismatch": "not_comparable",
    "invalid": "invalid",
}


def outcome_of(
    verdict: MetricVerdict, rule: Rule, config: CheckConfig, today: date
) -> Outcome:
    """Return what one verdict comes to under its rule."""
    accepted = config.accepted_for(verdict.task, verdict.metric)
    message = describe(verdict)
    status = _status(verdict)
    few = _too_few(verdict, config.minimum_replies)
    if status not in _UNJUDGED.values() and few:
        status, message = "not_comparable", few
    damage = 0.0 if verdict.gain is None else -verdict.gain
    worst = verdict.worst_prompt
    limit = rule.prompt_tolerance
    if status in ("pass", "improved", "regression") and worst and limit is not None:
        if -worst.gain > limit:
            status, damage = "regression", max(damage, -worst.gain)
            lost = f"{-worst.gain:.3g}, allowed {limit:g}"
            message += f"; prompt {printable(worst.id, 60)} lost {lost}"
    if status == "regression" and accepted and _covers(accepted, damage, today):
        status = "accepted"
        message += f"; accepted until {accepted.expires}: {printable(accepted.reason)}"
    return Outcome(
        status=status,
        tier=rule.tier,
        required=rule.required,
        verdict=verdict,
        message=message,
    )


def no_task(rule: Rule) -> Outcome:
    """Return the outcome of a required rule that is about no task."""
    verdict = _stand_in(rule.task, rule.metric, "in neither of them")
    return Outcome(
        status="missing",
        tier=rule.tier,
        required=rule.required,
        verdict=verdict,
        message="no task of the baseline fits this rule; correct its name, or set "
        "required = false",
    )


def new_task(name: str) -> Outcome:
    """Return the outcome of a task that the baseline does not have."""
    return Outcome(
        status="new",
        tier="advisory",
        required=False,
        verdict=_stand_in(name, "overlap", "not in the baseline"),
        message="not in the baseline; update it to have this task checked",
    )


def _status(verdict: MetricVerdict) -> Status:
    if verdict.verdict == "not_comparable":
        return _UNJUDGED[verdict.problem or "invalid"]
    if verdict.verdict == "worse":
        return "regression"
    if verdict.verdict == "improved":
        return "improved"
    return "pass" if verdict.not_worse else "unresolved"


def _too_few(verdict: MetricVerdict, least: int) -> str | None:
    for n, where in ((verdict.n_before, "baseline"), (verdict.n_after, "result")):
        if n is not None and n < least:
            return f"{n} replies a prompt in the {where}; {least} are the least to judge by"
    return None


def _covers(accepted: Accepted, damage: float, today: date) -> bool:
    return today <= accepted.expires and damage <= accepted.at_most


def _stand_in(task: str, metric: str, reason: str) -> MetricVerdict:
    return MetricVerdict(
        task=printable(task),
        title=printable(task),
        family="",
        split="train",
        metric=metric,
        verdict="not_comparable",
        problem="missing",
        reason=reason,
    )
