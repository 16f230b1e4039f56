"""Metrics from replies, free of most of the bias of counting them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np
import numpy.typing as npt

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.ceilings import perfect_overlap
from diffbench.metrics.checks import FloatArray, IntArray, as_counts
from diffbench.metrics.coverage import expected_coverages, rarefied_coverages
from diffbench.metrics.definitions import COVERAGE_DRAWS
from diffbench.metrics.functionals import fitted_metrics, plain_metrics
from diffbench.metrics.mixture import Fit, fit_counts
from diffbench.metrics.seeds import content_seed

__all__ = ["LEAST_PERFECT_OVERLAP", "Corrected", "corrected_metrics", "corrected_overlap"]

LEAST_PERFECT_OVERLAP: Final = 0.35
"""Where a perfect sampler's raw overlap is less, replies are too few to correct."""

_SIMULATED: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A corrected value and what is known of its error, or why there is none.

    Attributes:
        value: In the metric's unit, or None.
        bias: Mean error of the value in samples of models as the counts suggest.
        scatter: Standard deviation of that error, or of the plug-in value in samples of
            the counts themselves, whichever is larger.
        reason: Why there is no value, or None.
    """

    value: float | None
    bias: float | None = None
    scatter: float | None = None
    reason: str | None = None


def corrected_overlap(
    p: npt.ArrayLike, counts: npt.ArrayLike, n_invalid: int, listed_mass: float = 1.0
) -> Corrected:
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
    target = TargetArrays(p=np.asarray(p, dtype=np.float64), listed_mass=listed_mass)
    return corrected_metrics(target, counts, n_invalid)["overlap"]


def corrected_metrics(
    target: TargetArrays, counts: npt.ArrayLike, n_invalid: int
) -> Mapping[str, Corrected]:
    """Estimate every metric that can be corrected, and coverage, which needs no more.

    Returns:
        Name to value for `FITTED_METRICS` and the coverages that N allows. Those of
        valid replies are missing where there is none.

    Raises:
        ValueError: If an argument is refused, or there is no reply at all.
    """
    drawn = as_counts(counts, size=target.p.size)
    n_valid = int(drawn.sum())
    n = n_valid + n_invalid
    sample = _Sample(target, n)
    fit = sample.fit(drawn[None])
    values = sample.estimates(drawn[None], fit)
    errors, resampled = sample.errors(drawn, fit), sample.resampled(drawn)
    too_few_of = cache(partial(_too_few, target))
    found: dict[str, Corrected] = {}
    for name, (value,) in values.items():
        if not np.isfinite(value):
            continue
        too_few = None
        if name == "overlap":
            too_few = too_few_of(n, target.listed_mass)
        elif not name.startswith("coverage"):
            of_valid = name in _AMONG_VALID or not target.whole
            too_few = too_few_of(n_valid if of_valid else n, 1.0)
        if too_few is not None:
            found[name] = Corrected(value=None, reason=too_few)
            continue
        known = errors[name][np.isfinite(errors[name])]
        scatter = [one.std() for one in (known, resampled.get(name, known)) if one.size]
        found[name] = Corrected(
            value=float(value),
            bias=float(known.mean()) if known.size else None,
            scatter=float(max(scatter)) if scatter else None,
        )
    return found


_AMONG_VALID = (
    "overlap_valid",
    "entropy",
    "entropy_ratio",
    "kl_reverse_valid",
    "js_valid",
    "hellinger_valid",
    "effective_outcomes",
)


def _too_few(target: TargetArrays, n: int, listed_mass: float) -> str | None:
    perfect = perfect_overlap(target.p, n, listed_mass)
    if perfect >= LEAST_PERFECT_OVERLAP:
        return None
    return (
        f"{n} replies are too few for {target.p.size} outcomes: even a perfect sampler "
        f"would show an overlap of {perfect:.2f}"
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    """N replies for a target: how metrics are estimated from them, and how well."""

    target: TargetArrays
    n: int

    def fit(self, counts: IntArray) -> Fit:
        """Return how far outcomes are over-drawn in each sample, (B, K)."""
        asked = self.target.p > 0
        share = self.target.p[asked]
        expected = self.n * self.target.listed_mass * share
        return fit_counts(share, expected, counts[:, asked])

    def estimates(self, counts: IntArray, fit: Fit) -> dict[str, FloatArray]:
        """Return (B,) of each metric from counts, (B, K), and what was fitted to them."""
        target, n = self.target, self.n
        fitted = fitted_metrics(target.p, counts, n, fit, target.listed_mass)
        totals = np.full(len(counts), n) if target.whole else counts.sum(axis=1)
        return dict(fitted) | {
            f"coverage_{draws}": rarefied_coverages(counts, totals, draws)
            for draws in COVERAGE_DRAWS
        }

    def errors(self, counts: IntArray, fit: Fit) -> dict[str, FloatArray]:
        """Return (B,): errors for models drawn as counts, (K,), and their fit suggest."""
        rng = np.random.default_rng(
            content_seed("errors", self.target.p, counts, self.n, self.target.listed_mass)
        )
        asked = self.target.p > 0
        expected = self.n * self.target.listed_mass * self.target.p
        q = np.tile(counts / self.n, (_SIMULATED, 1))
        q[:, asked] = fit.draw(_SIMULATED, rng) * expected[asked] / self.n
        # The share of valid replies is as it was seen, whatever ratios are drawn.
        total = q.sum(axis=1, keepdims=True)
        wanted = counts.sum() / self.n
        q *= np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)
        rest = np.maximum(0.0, 1.0 - q.sum(axis=1, keepdims=True))
        again = rng.multinomial(self.n, np.concatenate([q, rest], axis=1))[:, :-1]
        truths = self._truths(q)
        found = self.estimates(again, self.fit(again))
        # Infinite where an outcome is drawn that the target excludes.
        with np.errstate(invalid="ignore"):
            return {name: values - truths[name] for name, values in found.items()}

    def resampled(self, counts: IntArray) -> dict[str, FloatArray]:
        """Return plug-in values, finite ones, of samples drawn from counts, (K,)."""
        rng = np.random.default_rng(
            content_seed("resampled", self.target.p, counts, self.n)
        )
        law = np.append(counts, self.n - counts.sum()) / self.n
        q = rng.multinomial(self.n, law, size=_SIMULATED)[:, :-1] / self.n
        found = plain_metrics(self.target.p, q, self.target.listed_mass)
        return {name: one[np.isfinite(one)] for name, one in found.items()}

    def _truths(self, q: FloatArray) -> dict[str, FloatArray]:
        valid = q.sum(axis=1, keepdims=True)
        among = np.divide(q, valid, out=np.full_like(q, np.nan), where=valid > 0)
        judged = q if self.target.whole else among
        return dict(plain_metrics(self.target.p, q, self.target.listed_mass)) | {
            f"coverage_{draws}": expected_coverages(judged, draws)
            for draws in COVERAGE_DRAWS
        }
