"""Overlap from replies, free of most of the bias of counting them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from diffbench.metrics.ceilings import perfect_overlap
from diffbench.metrics.checks import FloatArray, IntArray, as_counts, as_distribution
from diffbench.metrics.mixture import Fit, cells_of, fit_mixture, ratio_grid

__all__ = ["LEAST_PERFECT_OVERLAP", "CorrectedOverlap", "corrected_overlap"]

LEAST_PERFECT_OVERLAP: Final = 0.35
"""Where a perfect sampler's raw overlap is less, replies are too few to correct."""

_SIMULATED: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedOverlap:
    """The corrected overlap and what is known of its error, or why there is none.

    Attributes:
        value: 0 to 1, or None.
        bias: Mean error of the value in samples of models as the counts suggest; None
            where there is no value.
        spread: Standard deviation of that error; None where there is no value.
        reason: Why there is no value, or None.
    """

    value: float | None
    bias: float | None
    spread: float | None
    reason: str | None = None


def corrected_overlap(
    p: npt.ArrayLike, counts: npt.ArrayLike, n_invalid: int, listed_mass: float = 1.0
) -> CorrectedOverlap:
    """Estimate sum_k min(m p[k], q[k]) / m from replies.

    The plug-in min(m p, count / N) is too low wherever a probability is near its target.
    Here each term is p[k] E[min(1, r) | counts], with r = q[k] / (m p[k]) and its law
    fitted to all counts at once (`diffbench.metrics.mixture`).

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        counts: Shape (K,), how often each outcome was drawn.
        n_invalid: Number of other replies, at least 0.
        listed_mass: In (0, 1], how much the true target gives the K outcomes.

    Raises:
        ValueError: If an argument is refused, or there is no reply at all.
    """
    target = as_distribution(p)
    drawn = as_counts(counts, size=target.size)
    n = int(drawn.sum()) + n_invalid
    perfect = perfect_overlap(target, n, listed_mass)
    if perfect < LEAST_PERFECT_OVERLAP:
        return CorrectedOverlap(
            value=None,
            bias=None,
            spread=None,
            reason=f"{n} replies are too few for {target.size} outcomes: a perfect "
            f"sampler's would show an overlap of {perfect:.2f}",
        )
    asked = target > 0
    share, kept = target[asked], drawn[asked]
    scale = n * listed_mass * share
    fit = _fit(share, scale, kept[None])
    value = _value(fit)
    errors = _simulated_errors(share, scale, kept, n, fit)
    return CorrectedOverlap(
        value=float(value[0]),
        bias=float(errors.mean()),
        spread=float(errors.std()),
    )


def _fit(share: FloatArray, scale: FloatArray, counts: IntArray) -> Fit:
    cells = cells_of(share, scale, counts)
    valid = float(counts.mean(axis=0).sum() / scale.sum())
    return fit_mixture(cells, ratio_grid(cells, valid))


def _value(fit: Fit) -> FloatArray:
    return np.clip(fit.mean(np.minimum(1.0, fit.ratios)), 0.0, 1.0)


def _simulated_errors(
    share: FloatArray, scale: FloatArray, counts: IntArray, n: int, fit: Fit
) -> FloatArray:
    """Draw models as the fit has them, N replies of each, and return (B,) errors."""
    rng = np.random.default_rng(_seed(share, scale, counts, n))
    ratios = fit.draw(_SIMULATED, rng)
    q = ratios * scale / n
    # The share of valid replies is as it was seen, whatever ratios are drawn.
    total = q.sum(axis=1, keepdims=True)
    q *= np.divide(counts.sum() / n, total, out=np.zeros_like(total), where=total > 0)
    true = np.minimum(share, q * n / scale * share).sum(axis=1)
    rest = np.maximum(0.0, 1.0 - q.sum(axis=1, keepdims=True))
    again = rng.multinomial(n, np.concatenate([q, rest], axis=1))[:, :-1]
    return _value(_fit(share, scale, again)) - true


def _seed(*content: object) -> int:
    """Return a seed that the counts themselves decide."""
    digest = hashlib.sha256()
    for one in content:
        digest.update(np.ascontiguousarray(one).tobytes())
    return int.from_bytes(digest.digest()[:8], "big")
