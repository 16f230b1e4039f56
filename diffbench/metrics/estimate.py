"""What N replies say of each metric: the corrected value and all that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy.typing as npt

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.ceilings import perfect_metrics
from diffbench.metrics.checks import IntArray, as_counts
from diffbench.metrics.corrected import Corrected, corrected_metrics
from diffbench.metrics.definitions import METRICS_BY_NAME
from diffbench.metrics.divergence import overlap as overlap_of
from diffbench.metrics.intervals import (
    LEAST_REPLIES,
    RULES,
    ConfidenceInterval,
    Uncertainty,
    binomial_interval,
    widened_interval,
)
from diffbench.metrics.summary import measure_counts
from diffbench.metrics.unseen import (
    entropy_chao_shen,
    entropy_miller_madow,
    unseen_mass,
)
from diffbench.metrics.value import MetricValue

__all__ = ["Estimate", "estimate_counts", "metric_bounds"]

# So many fit the integers and memory of a simulation with room to spare.
_MOST_REPLIES: Final = 10**9


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
            not corrected.
        interval: Where the metric of the model itself lies; None where no interval has
            been shown to hold.
        perfect: The raw value that a perfect sampler shows on average at the same N;
            None where it may have none.
        n: Replies that were drawn, invalid ones included.
    """

    value: float | None
    reason: str | None = None
    raw: float | None = None
    bias: float | None = None
    interval: ConfidenceInterval | None = None
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
        Name to estimate, in the order of METRICS, then SAMPLED_METRICS, and in the units
        stated there.

    Raises:
        ValueError: If counts is refused, its size is not K, n_invalid is negative,
            or there is no reply at all.
    """
    drawn = as_counts(counts, size=target.p.size)
    if drawn.sum() + n_invalid > _MOST_REPLIES:
        raise ValueError(f"there are more than {_MOST_REPLIES} replies")
    plain = measure_counts(target, drawn, n_invalid)
    n_valid = int(drawn.sum())
    n = n_valid + n_invalid
    perfect = perfect_metrics(target, n, n_valid)
    found = {
        name: Estimate(
            value=one.value,
            reason=one.reason,
            raw=one.value,
            perfect=perfect.get(name),
            n=n,
        )
        for name, one in plain.items()
    }
    found["valid_mass"] = replace(
        found["valid_mass"], interval=binomial_interval(n_valid, n)
    )
    corrected = corrected_metrics(target, drawn, n_invalid)
    for name, one in corrected.items():
        among = n if (name in _OF_ALL and target.whole) or name == "overlap" else n_valid
        found[name] = _with(found[name], one, name, target, among)
    return found | _sample_only(drawn, n)


_OF_ALL = ("overlap", "js", "hellinger", "coverage_100", "coverage_1000")


def _with(
    plain: Estimate, found: Corrected, name: str, target: TargetArrays, n: int
) -> Estimate:
    """Return the corrected value, with an interval where its metric has one.

    Args:
        plain: The plug-in value and the perfect sampler's.
        found: The corrected one.
        name: The metric's.
        target: What was asked for.
        n: Replies that the value rests on.
    """
    interval = None
    can = name in RULES and n >= LEAST_REPLIES
    if can and found.value is not None and found.scatter is not None:
        raw_gap = 0.0 if plain.perfect is None else plain.perfect - _ideal(target, name)
        interval = widened_interval(
            found.value,
            name,
            Uncertainty(
                scatter=found.scatter,
                gap=0.0 if name.startswith("coverage") else raw_gap,
                n=n,
                size=target.p.size,
            ),
            metric_bounds(name),
        )
    return replace(
        plain,
        value=found.value,
        reason=found.reason,
        bias=found.bias,
        interval=interval,
    )


def metric_bounds(name: str) -> tuple[float, float]:
    """Return the least and the greatest value that a metric can have."""
    definition = METRICS_BY_NAME[name]
    highest = definition.highest
    return definition.lowest, math.inf if highest is None else highest


def _ideal(target: TargetArrays, name: str) -> float:
    """Return what the target itself has of a metric, at any number of replies."""
    return overlap_of(target.p, target.p) if name.startswith("overlap") else 0.0


def _sample_only(drawn: IntArray, n: int) -> dict[str, Estimate]:
    values: dict[str, MetricValue] = {
        "unseen_mass": unseen_mass(drawn, n),
        "entropy_miller_madow": entropy_miller_madow(drawn),
        "entropy_chao_shen": entropy_chao_shen(drawn),
    }
    return {
        name: Estimate(value=one.value, reason=one.reason, n=n)
        for name, one in values.items()
    }
