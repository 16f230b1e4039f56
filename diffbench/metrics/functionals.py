"""Metrics of many models at once, and the same from a fitted mixture.

Where a metric is a sum over outcomes, sum_k p[k] phi(r_k) with r = q / (m p), it can be
taken under the law of r that was fitted to counts instead of at counts / N.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import entr, rel_entr, xlogy

from diffbench.metrics.checks import FloatArray
from diffbench.metrics.entropy import entropy
from diffbench.metrics.mixture import Fit

__all__ = ["FITTED_METRICS", "fitted_metrics", "plain_metrics"]

FITTED_METRICS: Final = (
    "overlap",
    "overlap_valid",
    "entropy",
    "entropy_ratio",
    "kl_reverse_valid",
    "js",
    "js_valid",
    "hellinger",
    "hellinger_valid",
    "effective_outcomes",
)
"""The metrics that both functions give."""

Values = Mapping[str, FloatArray]


def plain_metrics(p: FloatArray, q: FloatArray, listed_mass: float) -> Values:
    """Return (B,) of each fitted metric for B models; NaN where it has no value.

    Args:
        p: (K,) target probabilities.
        q: (B, K) the models' probabilities, rows summing to at most 1.
        listed_mass: In (0, 1].
    """
    valid = q.sum(axis=1, keepdims=True)
    among = np.divide(q, valid, out=np.full_like(q, np.nan), where=valid > 0)
    judged = q if listed_mass == 1.0 else among
    shared = np.minimum(listed_mass * p, q).sum(axis=1) / listed_mass
    return _finished(
        p,
        {
            "overlap": shared,
            "overlap_valid": np.minimum(p, among).sum(axis=1),
            "entropy": entr(among).sum(axis=1),
            "kl_reverse_valid": rel_entr(among, p).sum(axis=1),
            "js": _js(p, judged),
            "js_valid": _js(p, among),
            "hellinger": _squared_hellinger(p, judged),
            "hellinger_valid": _squared_hellinger(p, among),
        },
    )


def fitted_metrics(
    p: FloatArray, counts: npt.NDArray[np.int64], n: int, fit: Fit, listed_mass: float
) -> Values:
    """Return (B,) of each fitted metric for B samples; NaN where it has no value.

    Args:
        p: (K,) target probabilities.
        counts: (B, K) how often each outcome was drawn in each sample.
        n: Replies of each sample, invalid ones included.
        fit: The ratios q / (m p) of the outcomes whose target is above 0.
        listed_mass: In (0, 1].
    """
    n_valid = counts.sum(axis=1).astype(np.float64)
    n_valid[n_valid == 0] = np.nan
    excluded = counts[:, p == 0]
    ratio: FloatArray = np.broadcast_to(fit.ratios, fit.weights.shape)
    among = ratio * (listed_mass * n / n_valid)[:, None]
    judged = ratio if listed_mass == 1.0 else among
    share = np.nan_to_num(n_valid / n) if listed_mass == 1.0 else np.ones(len(counts))
    outside = 1.0 - share + excluded.sum(axis=1) / (n if listed_mass == 1.0 else n_valid)
    outside_valid = excluded.sum(axis=1) / n_valid
    spread, kl = _spread(fit, among)
    return _finished(
        p,
        {
            "overlap": fit.mean(np.minimum(1.0, ratio)),
            "overlap_valid": fit.mean(np.minimum(1.0, among)),
            "entropy": spread + entr(excluded / n_valid[:, None]).sum(axis=1),
            "kl_reverse_valid": np.where(excluded.any(axis=1), np.inf, kl),
            "js": fit.mean(_js_term(judged)) + outside * math.log(2.0) / 2.0,
            "js_valid": fit.mean(_js_term(among)) + outside_valid * math.log(2.0) / 2.0,
            "hellinger": fit.mean(_hellinger_term(judged)) + outside / 2.0,
            "hellinger_valid": fit.mean(_hellinger_term(among)) + outside_valid / 2.0,
        },
    )


def _spread(fit: Fit, among: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (B,) entropy and reverse KL of the ratios, scaled to sum to 1."""
    # An empty cell has no share, and no weight below.
    empty = fit.cells.size == 0
    mean_p = np.where(empty, 1.0, fit.cells.share / np.where(empty, 1.0, fit.cells.size))
    log_p: FloatArray = np.asarray(np.log(mean_p), dtype=np.float64)
    total = fit.mean(among)
    log_ratio = fit.mean(np.asarray(xlogy(among, among), dtype=np.float64))
    nats = -(fit.mean(among, log_p) + log_ratio) / total + np.log(total)
    return nats, log_ratio / total - np.log(total)


def _finished(p: FloatArray, found: dict[str, FloatArray]) -> Values:
    """Bring each into its range and add what follows from the others."""
    for name in ("overlap", "overlap_valid", "js", "js_valid"):
        highest = math.log(2.0) if name.startswith("js") else 1.0
        found[name] = np.clip(found[name], 0.0, highest)
    for name in ("hellinger", "hellinger_valid"):
        found[name] = np.sqrt(np.clip(found[name], 0.0, 1.0))
    found["kl_reverse_valid"] = np.maximum(found["kl_reverse_valid"], 0.0)
    found["entropy"] = np.clip(found["entropy"], 0.0, math.log(p.size))
    found["effective_outcomes"] = np.exp(found["entropy"])
    nats = entropy(p)
    found["entropy_ratio"] = found["entropy"] / (nats if nats > 0 else math.nan)
    return {name: found[name] for name in FITTED_METRICS}


def _js(p: FloatArray, q: FloatArray) -> FloatArray:
    both = p + q
    listed = (rel_entr(2.0 * p, both) + rel_entr(2.0 * q, both)).sum(axis=1)
    return np.asarray(listed / 4.0 + (1.0 - q.sum(axis=1)) * math.log(2.0) / 2.0)


def _squared_hellinger(p: FloatArray, q: FloatArray) -> FloatArray:
    squares = np.square(np.sqrt(p) - np.sqrt(q)).sum(axis=1)
    return np.asarray((squares + 1.0 - q.sum(axis=1)) / 2.0)


def _js_term(ratio: FloatArray) -> FloatArray:
    both = (1.0 + ratio) / 2.0
    return np.asarray((xlogy(ratio, ratio / both) - np.log(both)) / 2.0)


def _hellinger_term(ratio: FloatArray) -> FloatArray:
    return np.asarray(np.square(1.0 - np.sqrt(ratio)) / 2.0)
