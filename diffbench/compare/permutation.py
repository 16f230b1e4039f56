"""Were two sets of replies drawn from the same distributions? A test without assumptions.

Were they, then which of a prompt's pooled replies belong to which run is arbitrary. So
the runs' labels are dealt out anew, prompt by prompt, and the metric's difference is
compared with those that the dealing alone makes. Exact for any statistic, biased or
not, and for unequal numbers of replies (Lehmann and Romano 2005, chapter 15.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from diffbench.metrics import FloatArray, IntArray, TargetArrays

__all__ = ["RESAMPLES", "STATISTICS", "content_seed", "permutation_p"]

RESAMPLES = 9_999
_CELLS_AT_ONCE = 4_000_000
_ROUNDING = 1e-12

Statistic: TypeAlias = Callable[[TargetArrays, IntArray], FloatArray]
"""From a target of K outcomes and (B, K + 1) counts, the last of them of invalid replies,
to (B,) values."""


def _overlap(target: TargetArrays, counts: IntArray) -> FloatArray:
    q = counts[:, :-1] / counts.sum(axis=1, keepdims=True)
    shared = np.minimum(target.listed_mass * target.p, q).sum(axis=1)
    return np.asarray(shared / target.listed_mass)


def _overlap_valid(target: TargetArrays, counts: IntArray) -> FloatArray:
    # Without a valid reply there is nothing that overlaps.
    n_valid = np.maximum(counts[:, :-1].sum(axis=1, keepdims=True), 1)
    return np.asarray(np.minimum(target.p, counts[:, :-1] / n_valid).sum(axis=1))


def _valid_mass(target: TargetArrays, counts: IntArray) -> FloatArray:
    return np.asarray(counts[:, :-1].sum(axis=1) / counts.sum(axis=1))


STATISTICS: dict[str, Statistic] = {
    "overlap": _overlap,
    "overlap_valid": _overlap_valid,
    "valid_mass": _valid_mass,
}
"""Plug-in value of each metric that can be tested."""


def content_seed(*parts: IntArray | str) -> int:
    """Return a seed that depends on nothing but the content, 64 bits."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part.astype("<i8").tobytes()
        digest.update(len(content).to_bytes(8, "little") + content)
    return int.from_bytes(digest.digest()[:8], "little")


def permutation_p(
    target: TargetArrays,
    before: Sequence[IntArray],
    after: Sequence[IntArray],
    *,
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> float:
    """Return the two-sided p-value of equal distributions, prompt by prompt.

    min(1, 2 min(p_low, p_high)), each (1 + #as extreme) / (B + 1); the statistic is the
    mean over prompts of the metric's difference.

    Args:
        target: Target of the K outcomes.
        before: For each prompt, (K + 1,) counts; the last counts invalid replies.
        after: The same prompts' counts in the second run.
        statistic: Which metric's difference.
        rng: Source of randomness.
        resamples: B.

    Returns:
        In (0, 1]. It says nothing about the size of a difference.
    """
    observed = 0.0
    dealt = np.zeros(resamples)
    for ours, theirs in zip(before, after, strict=True):
        (value,) = statistic(target, theirs[None]) - statistic(target, ours[None])
        observed += float(value)
        dealt += _dealt(target, ours, theirs, statistic, rng, resamples)
    slack = _ROUNDING * len(before)
    high = (1 + int((dealt >= observed - slack).sum())) / (resamples + 1)
    low = (1 + int((dealt <= observed + slack).sum())) / (resamples + 1)
    return min(1.0, 2 * min(high, low))


def _dealt(
    target: TargetArrays,
    before: IntArray,
    after: IntArray,
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int,
) -> FloatArray:
    """Return (B,) differences after dealing the pooled replies anew."""
    pooled = before + after
    seen = pooled > 0
    differences = np.empty(resamples)
    step = max(1, _CELLS_AT_ONCE // pooled.size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        second = np.zeros((rows, pooled.size), dtype=np.int64)
        second[:, seen] = rng.multivariate_hypergeometric(
            pooled[seen], int(after.sum()), size=rows, method="marginals"
        )
        first = pooled - second
        found = statistic(target, second) - statistic(target, first)
        differences[start : start + rows] = found
    return differences
