"""What N replies say of each metric: the corrected value and all that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy.typing as npt

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.checks import as_counts
from diffbench.metrics.corrected import CorrectedOverlap, corrected_overlap
from diffbench.metrics.summary import measure_counts

__all__ = ["Estimate", "IntervalBounds", "estimate_counts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalBounds:
    """A confidence interval of the metric of the model itself.

    Attributes:
        lo: Lower end, in the metric's unit.
        hi: Upper end.
        level: Nominal coverage.
        method: How it was made.
    """

    lo: float
    hi: float
    level: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One metric of a model, estimated from N replies.

    Attributes:
        value: The best estimate of the metric of the model itself, comparable with an
            exact value; None with a reason.
        reason: Why there is no value, or None.
        raw: The plug-in value of the counts, biased by N and the number of outcomes;
            None where there is none.
        bias: Remaining bias of value, simulated at the estimate; None where value is
            not corrected or not simulated.
        interval: Where the metric of the model itself lies; None where no interval has
            been shown to hold.
        perfect: The raw value that a perfect sampler shows on average at the same N;
            None where it may have none.
        n: Replies that value rests on.
    """

    value: float | None
    reason: str | None = None
    raw: float | None = None
    bias: float | None = None
    interval: IntervalBounds | None = None
    perfect: float | None = None
    n: int

    @property
    def excess(self) -> float | None:
        """Raw value minus the perfect sampler's; shown, never ranked."""
        if self.raw is None or self.perfect is None:
            return None
        return self.raw - self.perfect


def estimate_counts(
    target: TargetArrays, counts: npt.ArrayLike, n_invalid: int
) -> Mapping[str, Estimate]:
    """Return every metric of N counted replies.

    Args:
        target: The target of the K outcomes.
        counts: Shape (K,), how often each outcome was drawn.
        n_invalid: Number of replies that are none of the K outcomes, at least 0.

    Returns:
        Name to estimate, in the order of METRICS and in the units stated there.

    Raises:
        ValueError: If counts is refused, its size is not K, n_invalid is negative,
            or there is no reply at all.
    """
    drawn = as_counts(counts, size=target.p.size)
    n_valid = int(drawn.sum())
    n = n_valid + n_invalid
    found = {
        name: Estimate(value=one.value, reason=one.reason, raw=one.value, n=n)
        for name, one in measure_counts(target, drawn, n_invalid).items()
    }
    overlap = corrected_overlap(target.p, drawn, n_invalid, target.listed_mass)
    found["overlap"] = _corrected(found["overlap"], overlap)
    if n_valid > 0:
        same = n_invalid == 0 and target.whole
        valid = overlap if same else corrected_overlap(target.p, drawn, 0)
        found["overlap_valid"] = _corrected(found["overlap_valid"], valid)
    return found


def _corrected(plain: Estimate, found: CorrectedOverlap) -> Estimate:
    return replace(plain, value=found.value, reason=found.reason, bias=found.bias)
