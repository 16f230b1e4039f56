"""What a check came to: the one object from which all outputs are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from diffbench.compare import MetricVerdict
from diffbench.errors import printable
from diffbench.gate.config import Tier

__all__ = [
    "EXIT_CODES",
    "CheckReport",
    "Conclusion",
    "Outcome",
    "Status",
    "conclude",
]

Status: TypeAlias = Literal[
    "pass",
    "improved",
    "regression",
    "accepted",
    "unresolved",
    "missing",
    "not_comparable",
    "invalid",
    "new",
]
Conclusion: TypeAlias = Literal["pass", "regression", "cannot_judge", "unresolved"]

EXIT_CODES: Final[dict[Conclusion, int]] = {
    "pass": 0,
    "regression": 1,
    "cannot_judge": 3,
    "unresolved": 4,
}
_JUDGED = ("pass", "improved", "regression", "accepted", "unresolved")
_NOT_JUDGED = ("missing", "not_comparable", "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One metric of one task, checked.

    Attributes:
        status: The word.
        tier: Whether it can stop anything.
        required: Whether it must be judged.
        verdict: The comparison behind it.
        message: What a person needs to know, in one line without control characters.
    """

    status: Status
    tier: Tier
    required: bool
    verdict: MetricVerdict
    message: str

    @property
    def name(self) -> str:
        """Task and metric, as outputs name it."""
        return f"{printable(self.verdict.task)} {self.verdict.metric}"

    @property
    def blocks(self) -> bool:
        """Whether a regression here would fail the check."""
        return self.tier == "blocking"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """A whole check.

    Attributes:
        conclusion: What it came to.
        exit_code: What the process ends with.
        strict: Whether what is unresolved fails.
        headline: One sentence.
        result: Name of the model that was checked.
        baseline: Name of the model that it was compared with.
        outcomes: Every check, in the order of the tasks.
        differences: How the two were made differently: (what, baseline, result).
        notes: Sentences about the configuration and the files.
    """

    conclusion: Conclusion
    exit_code: int
    strict: bool
    headline: str
    result: str
    baseline: str
    outcomes: Sequence[Outcome]
    differences: Sequence[tuple[str, str, str]]
    notes: Sequence[str]


def conclude(outcomes: Sequence[Outcome], *, strict: bool) -> Conclusion:
    """Return the gravest of what was found; nothing found is never a pass.

    A regression that was seen stands, whatever else could not be judged.
    """
    if any(one.status == "regression" and one.blocks for one in outcomes):
        return "regression"
    if any(one.status in _NOT_JUDGED and one.required for one in outcomes):
        return "cannot_judge"
    if not any(one.status in _JUDGED and one.blocks for one in outcomes):
        return "cannot_judge"
    if strict and any(one.status == "unresolved" and one.blocks for one in outcomes):
        return "unresolved"
    return "pass"
