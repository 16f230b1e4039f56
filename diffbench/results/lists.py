"""Metrics of replies that hold several draws each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffbench.metrics import EqualPairs, IntArray, equal_pairs, one_draw_a_reply
from diffbench.results.compute import fit_of_counts, mean_metrics, metrics_from_counts
from diffbench.results.schema import FitResult, MetricEntry, TargetRecord

__all__ = ["fit_of_lists", "metrics_from_lists", "pairs_of_lists"]

_METHOD = "one draw a reply: "


def metrics_from_lists(
    target: TargetRecord, draws: Sequence[int], per_reply: int
) -> dict[str, MetricEntry]:
    """Return every metric of one prompt's replies of several draws each.

    Draws of one reply are not independent. So each metric, its correction and its interval
    are those of one draw a reply, drawn at random, averaged over as many such samples as a
    reply has draws; they hold for any dependence within a reply.

    Args:
        target: K outcomes.
        draws: N replies one after another: outcomes 0 to K - 1, or K where invalid.
        per_reply: Draws of each reply.

    Raises:
        ValueError: If the draws are not those of whole replies.
    """
    size = len(target.outcomes)
    samples = one_draw_a_reply(_table(draws, per_reply, size))
    n = samples.shape[1]
    found = mean_metrics(
        [
            metrics_from_counts(target, counts[:size].tolist(), int(counts[size]))
            for counts in (np.bincount(sample, minlength=size + 1) for sample in samples)
        ]
    )
    return {name: _of_replies(entry, n) for name, entry in found.items()}


def fit_of_lists(target: TargetRecord, draws: Sequence[int], per_reply: int) -> FitResult:
    """Return tests of whether one draw a reply fits the target."""
    size = len(target.outcomes)
    sample = one_draw_a_reply(_table(draws, per_reply, size))[0]
    counts = np.bincount(sample, minlength=size + 1)
    return fit_of_counts(target, counts[:size].tolist(), int(counts[size]))


def pairs_of_lists(draws: Sequence[int], per_reply: int, size: int) -> EqualPairs:
    """Return how often two valid draws of one reply, and of two replies, are equal."""
    return equal_pairs(_table(draws, per_reply, size), size)


def _table(draws: Sequence[int], per_reply: int, size: int) -> IntArray:
    flat = np.asarray(draws, dtype=np.int64)
    if flat.size == 0 or flat.size % per_reply or flat.max() > size or flat.min() < 0:
        raise ValueError(f"the draws are not those of replies of {per_reply} draws each")
    return flat.reshape(-1, per_reply)


def _of_replies(entry: MetricEntry, n: int) -> MetricEntry:
    interval = entry.interval
    if interval is not None:
        interval = interval.model_copy(update={"method": _METHOD + interval.method})
    return entry.model_copy(update={"n": n, "interval": interval})
