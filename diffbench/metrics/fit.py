"""Whether replies could come from the target: tests of goodness of fit.

Each gives the probability p that the target's own replies fit it no better. Small p says
that the model is not the target; large p says only that N replies do not show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlogy
from scipy.stats import multinomial

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.checks import FloatArray, IntArray, as_counts
from diffbench.metrics.seeds import content_seed

__all__ = ["FitTests", "fit_tests", "multinomial_p", "ordered_p"]

_MOST_TABLES: Final = 20_000
_DRAWS: Final = 999
# Two orders of one sum differ by rounding, and equal statistics must count as equal.
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FitTests:
    """p-values of the hypothesis that replies are draws from the target.

    Attributes:
        all_replies: Multinomial test, the invalid outcome included; 0 where a reply is
            one that the target never gives.
        valid_replies: The same among valid replies; None where there is none.
        ks: Kolmogorov-Smirnov test of valid replies on the outcomes' order; None where
            they have none.
        wasserstein: The same with W1 instead of the largest gap.
    """

    all_replies: float
    valid_replies: float | None
    ks: float | None
    wasserstein: float | None


def fit_tests(target: TargetArrays, counts: npt.ArrayLike, n_invalid: int) -> FitTests:
    """Test one prompt's replies against its target.

    Args:
        target: The target of the K outcomes.
        counts: Shape (K,), how often each outcome was drawn.
        n_invalid: Number of other replies, at least 0.
    """
    drawn = as_counts(counts, size=target.p.size)
    rest = max(0.0, 1.0 - target.listed_mass)
    law = np.append(target.p * target.listed_mass, rest)
    valid = None if not drawn.any() else multinomial_p(target.p, drawn)
    alike = n_invalid == 0 and target.whole
    everything = multinomial_p(law, np.append(drawn, n_invalid)) if not alike else valid
    assert everything is not None
    if target.values is None or valid is None:
        return FitTests(
            all_replies=everything, valid_replies=valid, ks=None, wasserstein=None
        )
    ks, wasserstein = ordered_p(target.p, drawn, target.values)
    return FitTests(
        all_replies=everything, valid_replies=valid, ks=ks, wasserstein=wasserstein
    )


def multinomial_p(p: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """Return the probability of counts that are as unlikely as these, or more so.

    Exact where there are at most 20,000 tables of N replies, else by Monte Carlo with
    p = (1 + #) / (1 + 999).

    Args:
        p: Shape (K,), probabilities, summing to 1.
        counts: Shape (K,), at least one reply.

    Returns:
        0 to 1; 0 exactly where an outcome of probability 0 was drawn.

    Reference:
        Read and Cressie (1988), Goodness-of-Fit Statistics for Discrete Multivariate
        Data, section 5; Davison and Hinkley (1997), Bootstrap Methods, equation 4.11.
    """
    law = np.asarray(p, dtype=np.float64)
    drawn = as_counts(counts, size=law.size)
    if drawn[law == 0].any():
        return 0.0
    asked = law > 0
    law, drawn = law[asked] / law[asked].sum(), drawn[asked]
    n = int(drawn.sum())
    if law.size == 1:
        return 1.0
    own = float(_log_chance(law, drawn[None])[0])
    if comb(n + law.size - 1, law.size - 1) <= _MOST_TABLES:
        log_chance = _all_log_chances(law.tobytes(), n)
        return min(1.0, float(np.exp(log_chance[log_chance <= own + _TIE]).sum()))
    simulated = _simulated_log_chances(law.tobytes(), n)
    return float(1 + (simulated <= own + _TIE).sum()) / (1 + simulated.size)


def ordered_p(
    p: npt.ArrayLike, counts: npt.ArrayLike, values: npt.ArrayLike
) -> tuple[float, float]:
    """Return Monte-Carlo p-values of the largest and of the mean gap along an order.

    The laws of D = max |F_N - F_p| and of W1 are simulated for this target and N, since
    tables for continuous laws are too lenient where outcomes are few.

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        counts: Shape (K,), at least one reply.
        values: Shape (K,), the number or position of each outcome.

    Returns:
        Those of D and of W1, each (1 + #) / (1 + 999).

    Reference:
        Conover (1972), J. American Statistical Association 67, for D on discrete laws.
    """
    points = np.asarray(values, dtype=np.float64)
    order = np.argsort(points, kind="stable")
    law = np.asarray(p, dtype=np.float64)[order]
    drawn = as_counts(counts, size=law.size)[order]
    widths = np.diff(points[order])
    if not widths.any():
        return 1.0, 1.0
    n = int(drawn.sum())
    simulated = _simulated_gaps(law.tobytes(), widths.tobytes(), n)
    own = _gaps(law, widths, drawn[None], n)
    ks, wasserstein = (
        float(1 + (null >= one[0] - _TIE).sum()) / (1 + null.size)
        for null, one in zip(simulated, own, strict=True)
    )
    return ks, wasserstein


def _log_chance(law: FloatArray, counts: IntArray) -> FloatArray:
    n = counts.sum(axis=1)
    inner = (xlogy(counts, law) - gammaln(counts + 1.0)).sum(axis=1)
    return np.asarray(gammaln(n + 1.0) + inner)


@lru_cache(maxsize=128)
def _all_log_chances(content: bytes, n: int) -> FloatArray:
    law = np.frombuffer(content, dtype=np.float64)
    bars = law.size - 1
    places = np.array(list(combinations(range(n + bars), bars)), dtype=np.int64)
    ends = np.full((len(places), 1), n + bars)
    edges = np.concatenate([np.full_like(ends, -1), places, ends], axis=1)
    return np.asarray(multinomial.logpmf(np.diff(edges, axis=1) - 1, n, law))


@lru_cache(maxsize=128)
def _simulated_log_chances(content: bytes, n: int) -> FloatArray:
    law = np.frombuffer(content, dtype=np.float64)
    rng = np.random.default_rng(content_seed("multinomial", law, n))
    return _log_chance(law, rng.multinomial(n, law, size=_DRAWS))


@lru_cache(maxsize=128)
def _simulated_gaps(law: bytes, widths: bytes, n: int) -> tuple[FloatArray, FloatArray]:
    p, gaps = np.frombuffer(law), np.frombuffer(widths)
    rng = np.random.default_rng(content_seed("order", p, gaps, n))
    return _gaps(p, gaps, rng.multinomial(n, p, size=_DRAWS), n)


def _gaps(
    law: FloatArray, widths: FloatArray, counts: IntArray, n: int
) -> tuple[FloatArray, FloatArray]:
    """Return (B,) D and W1 of B samples; outcomes in order, equal values one point."""
    gap = np.abs(np.cumsum(counts / n - law, axis=1)[:, :-1])
    return (gap * (widths > 0)).max(axis=1), (gap * widths).sum(axis=1)
