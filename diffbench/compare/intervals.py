"""Intervals of means and differences, from intervals of their parts.

The recovered-variance rule: each side's squared distances from the value to its limit
add up as variances do, so parts may have lopsided intervals of any kind (Zou and
Donner 2008, Statistics in Medicine 27, equations 8 and 9). A bias does not add up that
way: it is carried apart, and cancels in a difference of two that share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, hypot, isfinite

__all__ = ["Estimate", "difference", "mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value and how far off it may be, in the unit of its metric.

    Attributes:
        value: The estimate.
        down: How far below it chance alone may put the truth, at the level asked for.
        up: How far above.
        bias: Mean error that the value is known to have.

    Raises:
        ValueError: If a number is not finite, or a distance is negative.
    """

    value: float
    down: float
    up: float
    bias: float = 0.0

    def __post_init__(self) -> None:
        """Refuse NaN, which no comparison would notice."""
        numbers = (self.value, self.down, self.up, self.bias)
        if not all(map(isfinite, numbers)) or self.down < 0 or self.up < 0:
            raise ValueError(f"an estimate needs finite numbers, but got {numbers}")

    @property
    def lo(self) -> float:
        """Lower limit, with room for a value that is too high."""
        return self.value - self.down - max(0.0, self.bias)

    @property
    def hi(self) -> float:
        """Upper limit, with room for a value that is too low."""
        return self.value + self.up + max(0.0, -self.bias)


def mean(parts: Sequence[Estimate]) -> Estimate:
    """Return the mean of independent estimates at the same level."""
    n = len(parts)
    return Estimate(
        value=fsum(part.value for part in parts) / n,
        down=hypot(*(part.down for part in parts)) / n,
        up=hypot(*(part.up for part in parts)) / n,
        bias=fsum(part.bias for part in parts) / n,
    )


def difference(before: Estimate, after: Estimate) -> Estimate:
    """Return after minus before, two independent estimates at the same level."""
    return Estimate(
        value=after.value - before.value,
        down=hypot(after.down, before.up),
        up=hypot(after.up, before.down),
        bias=after.bias - before.bias,
    )
