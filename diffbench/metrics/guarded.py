"""The metrics that may have no finite value, with the reason in words.

Reasons name outcomes by their index, from 0. A model that is None stands for one
without valid mass.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.checks import FloatArray, IntArray
from diffbench.metrics.coverage import expected_coverage, rarefied_coverage
from diffbench.metrics.divergence import kl, kl_reverse_valid
from diffbench.metrics.entropy import entropy, entropy_ratio
from diffbench.metrics.extremes import top_ratio
from diffbench.metrics.transport import wasserstein
from diffbench.metrics.value import MetricValue

__all__ = [
    "NO_VALID_MASS",
    "guarded_coverage_ratio",
    "guarded_entropy_ratio",
    "guarded_expected_coverage",
    "guarded_kl",
    "guarded_kl_reverse_valid",
    "guarded_rarefied_coverage",
    "guarded_top_ratio",
    "guarded_wasserstein",
]

NO_VALID_MASS: Final = MetricValue(value=None, reason="the valid mass is 0")


def guarded_kl(target: TargetArrays, log_q: FloatArray | None, absence: str) -> MetricValue:
    """Return KL(p || q), or which outcome is missing; absence says how."""
    if log_q is None:
        return NO_VALID_MASS
    nats = kl(target.p, log_q)
    if math.isfinite(nats):
        return MetricValue(value=nats)
    return _null_at((target.p > 0.0) & np.isneginf(log_q), absence)


def guarded_kl_reverse_valid(target: TargetArrays, q_valid: FloatArray) -> MetricValue:
    """Return KL(q_valid || p), or which outcome the target excludes."""
    nats = kl_reverse_valid(target.p, q_valid)
    if math.isfinite(nats):
        return MetricValue(value=nats)
    excluded = (target.p == 0.0) & (q_valid > 0.0)
    return _null_at(excluded, "has target 0 but is drawn")


def guarded_entropy_ratio(target: TargetArrays, q_valid: FloatArray) -> MetricValue:
    """Return the entropy ratio, or that the target has too little entropy."""
    if entropy(target.p) == 0.0:
        return MetricValue(value=None, reason="the target's entropy is 0")
    ratio = entropy_ratio(q_valid, target.p)
    if math.isfinite(ratio):
        return MetricValue(value=ratio)
    reason = "the target's entropy is too small to divide by"
    return MetricValue(value=None, reason=reason)


def guarded_top_ratio(target: TargetArrays, q: FloatArray) -> MetricValue:
    """Return the largest over-draw, or that a target is too small to divide by."""
    top = top_ratio(target.p, q)
    if math.isfinite(top.ratio):
        return MetricValue(value=top.ratio)
    reason = f"outcome {top.index} has a target too small to divide by"
    return MetricValue(value=None, reason=reason)


def guarded_wasserstein(target: TargetArrays, q_valid: FloatArray | None) -> MetricValue:
    """Return W1, or that there is no order or no valid mass."""
    if target.values is None:
        return MetricValue(value=None, reason="outcomes have no order")
    if q_valid is None:
        return NO_VALID_MASS
    return MetricValue(value=wasserstein(target.p, q_valid, target.values))


def guarded_expected_coverage(q: FloatArray | None, n: int) -> MetricValue:
    """Return the expected coverage in n draws, or that there is no valid mass."""
    if q is None:
        return NO_VALID_MASS
    return MetricValue(value=expected_coverage(q, n))


def guarded_rarefied_coverage(counts: IntArray, total: int, n: int) -> MetricValue:
    """Return the coverage rarefied to n replies, or that there are too few."""
    if total == 0:
        return NO_VALID_MASS
    if n > total:
        reason = f"coverage in {n} draws needs {n} replies, there are {total}"
        return MetricValue(value=None, reason=reason)
    return MetricValue(value=rarefied_coverage(counts, total, n))


def guarded_coverage_ratio(
    target: TargetArrays, coverage: MetricValue, n: int
) -> MetricValue:
    """Return coverage as a multiple of the target's, null with the same reason."""
    if coverage.value is None:
        return coverage
    return MetricValue(value=coverage.value / expected_coverage(target.p, n))


def _null_at(where: npt.NDArray[np.bool_], words: str) -> MetricValue:
    indices = np.flatnonzero(where)
    more = f" ({indices.size} such outcomes)" if indices.size > 1 else ""
    return MetricValue(value=None, reason=f"outcome {indices[0]} {words}{more}")
