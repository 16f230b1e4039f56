"""Replies that hold several draws each, which need not be independent of one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffbench.metrics.checks import IntArray
from diffbench.metrics.seeds import content_seed

__all__ = ["EqualPairs", "equal_pairs", "one_draw_a_reply"]


def one_draw_a_reply(draws: IntArray) -> IntArray:
    """Split draws, (N, k), into k samples, (k, N), of one draw from each reply.

    Which of a reply's draws comes into which sample is random, so each sample is N
    independent draws from the mean law of the k places, whatever the dependence within a
    reply. What is estimated from each sample and averaged is estimated from all draws.

    Reference:
        Hoffman, Sen and Weinberg (2001), Within-cluster resampling, Biometrika 88(4).
    """
    rng = np.random.default_rng(content_seed("one draw a reply", draws))
    return np.ascontiguousarray(rng.permuted(draws, axis=1).T)


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualPairs:
    """How often two valid draws are equal, 0 to 1; None where there is no such pair.

    Attributes:
        within: Of the same reply.
        between: Of different replies; what independent draws would show within one too.
    """

    within: float | None
    between: float | None


def equal_pairs(draws: IntArray, size: int) -> EqualPairs:
    """Compare pairs of draws, (N, k), within and between replies.

    Args:
        draws: Outcomes 0 to size - 1; `size` is an invalid draw, and left out.
        size: Number of outcomes, K.
    """
    counts = np.zeros((len(draws), size + 1), dtype=np.int64)
    np.add.at(counts, (np.arange(len(draws))[:, None], draws), 1)
    counts = counts[:, :size]
    totals = counts.sum(axis=1)
    inside = int((totals * (totals - 1)).sum())
    all_pairs = int(totals.sum()) ** 2 - int((totals**2).sum())
    pooled = counts.sum(axis=0)
    equal_inside = int((counts * (counts - 1)).sum())
    equal_across = int((pooled**2).sum()) - int((counts**2).sum())
    return EqualPairs(
        within=equal_inside / inside if inside else None,
        between=equal_across / all_pairs if all_pairs else None,
    )
