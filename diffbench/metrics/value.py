"""One measured number, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MetricValue", "aggregate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """A finite value, or null with its reason; never NaN, never infinite.

    Attributes:
        value: The number, in the unit of its metric, or None.
        reason: Why there is no number, in words, or None.

    Raises:
        ValueError: If both or neither are given, value is not finite, or reason is
            empty.
    """

    value: float | None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Hold the promise of the class."""
        if (self.value is None) == (self.reason is None):
            raise ValueError(
                "a metric has either a value or a reason, "
                f"but got value={self.value} and reason={self.reason!r}"
            )
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a metric's value must be finite, but got {self.value}")
        if self.reason == "":
            raise ValueError("a metric without value needs a reason, but got ''")


def aggregate(values: Sequence[MetricValue]) -> MetricValue:
    """Return the mean of one metric over prompts, tasks or families.

    sum(values) / len(values), or null if any of them is null

    Args:
        values: At least one value of the same metric, in its unit.

    Returns:
        The mean, in the same unit; or null with how many were null and the first
        reason, since a mean over the rest would describe other prompts.

    Raises:
        ValueError: If values is empty.
    """
    if not values:
        raise ValueError("aggregate needs at least one value, but got none")
    reasons = [each.reason for each in values if each.reason is not None]
    if reasons:
        count = f"{len(reasons)} of {len(values)}"
        verb = "has" if len(reasons) == 1 else "have"
        return MetricValue(
            value=None, reason=f"{count} {verb} no value (first: {reasons[0]})"
        )
    numbers = [each.value for each in values if each.value is not None]
    return MetricValue(value=math.fsum(numbers) / len(numbers))
