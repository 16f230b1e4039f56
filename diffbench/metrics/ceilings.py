"""What a perfect sampler shows at a finite number of replies.

Overlap, coverage, valid mass and the Wasserstein distance have closed forms; the other
metrics are simulated, once for each target and number of replies.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.checks import (
    FloatArray,
    as_distribution,
    check_draws,
    check_listed_mass,
)
from diffbench.metrics.coverage import expected_coverage
from diffbench.metrics.definitions import COVERAGE_DRAWS
from diffbench.metrics.functionals import plain_metrics
from diffbench.metrics.seeds import content_seed

__all__ = ["perfect_metrics", "perfect_overlap", "perfect_wasserstein"]

# So many draws that the simulated means are off by a fortieth of one run's own scatter,
# or fewer, where outcomes are many and the mean over them hardly scatters.
_SIMULATED: Final = 2000
_LEAST_SIMULATED: Final = 50
_MOST_NUMBERS: Final = 40_000


def perfect_overlap(p: npt.ArrayLike, n: int, listed_mass: float = 1.0) -> float:
    """Return the expected plug-in overlap of n draws from the target itself.

    sum_k E min(m p[k], X_k / n) / m, with X_k binomial (n, m p[k])

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        n: Number of replies, at least 1.
        listed_mass: In (0, 1], how much the true target gives the K outcomes.

    Returns:
        0 to 1; below 1 for finite n, since chance alone moves counts off the target.

    Raises:
        ValueError: If p is no distribution, or n or listed_mass is out of range.

    Reference:
        De Moivre's mean absolute deviation of the binomial: Diaconis and Zabell (1991),
        Statistical Science 6(3).
    """
    check_draws(n)
    check_listed_mass(listed_mass)
    share, times = np.unique(as_distribution(p), return_counts=True)
    q = listed_mass * share
    lost = float((times * _deviation(q, n)).sum()) / 2.0
    return min(max(1.0 - lost / listed_mass, 0.0), 1.0)


def perfect_wasserstein(p: npt.ArrayLike, n: int, values: npt.ArrayLike) -> float:
    """Return the expected plug-in W1 of n draws from the target itself.

    sum_i E|F_n(x_i) - F(x_i)| (x_{i+1} - x_i), with n F_n(x_i) binomial (n, F(x_i))

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        n: Number of replies, at least 1.
        values: Shape (K,), the number or position of each outcome, in any order.

    Returns:
        In the unit of values, at least 0.
    """
    check_draws(n)
    points = np.asarray(values, dtype=np.float64)
    order = np.argsort(points, kind="stable")
    below = np.minimum(np.cumsum(as_distribution(p)[order])[:-1], 1.0)
    return float((_deviation(below, n) * np.diff(points[order])).sum())


def perfect_metrics(
    target: TargetArrays, n: int, n_valid: int
) -> Mapping[str, float | None]:
    """Return what a perfect sampler's counts show on average, by metric.

    Metrics of valid replies are those of n_valid draws, the others those of n. None where
    a perfect sampler may have no value at this number.

    Args:
        target: What is drawn from.
        n: Replies, at least 1.
        n_valid: Valid replies among them.
    """
    whole, p = target.whole, target.p
    judged = n if whole else n_valid
    found: dict[str, float | None] = {
        "overlap": perfect_overlap(p, n, target.listed_mass),
        "valid_mass": target.listed_mass,
    }
    for draws in COVERAGE_DRAWS:
        enough = draws <= judged
        found[f"coverage_{draws}"] = expected_coverage(p, draws) if enough else None
        found[f"coverage_ratio_{draws}"] = 1.0 if enough else None
    if judged > 0:
        found |= _simulated(p.tobytes(), judged, valid_only=False)
    if n_valid > 0:
        found |= _simulated(p.tobytes(), n_valid, valid_only=True)
        found["overlap_valid"] = perfect_overlap(p, n_valid)
        if target.values is not None:
            found["wasserstein"] = perfect_wasserstein(p, n_valid, target.values)
    return found


_VALID_ONLY: Final = (
    "entropy",
    "entropy_ratio",
    "kl_reverse_valid",
    "js_valid",
    "hellinger_valid",
    "effective_outcomes",
)
_ALL: Final = ("js", "hellinger")


@lru_cache(maxsize=512)
def _simulated(content: bytes, n: int, *, valid_only: bool) -> dict[str, float | None]:
    means = _simulated_means(content, n)
    names = _VALID_ONLY if valid_only else (*_ALL, "kl", "top_ratio")
    return {name: means[name] for name in names}


@lru_cache(maxsize=256)
def _simulated_means(content: bytes, n: int) -> dict[str, float | None]:
    p = np.frombuffer(content, dtype=np.float64)
    rng = np.random.default_rng(content_seed("ceiling", p, n))
    times = int(np.clip(_MOST_NUMBERS // p.size, _LEAST_SIMULATED, _SIMULATED))
    q = rng.multinomial(n, p, size=times) / n
    means = {name: float(one.mean()) for name, one in plain_metrics(p, q, 1.0).items()}
    asked = p > 0
    ratio = q[:, asked] / p[asked]
    all_drawn = bool((ratio > 0).all())
    with np.errstate(divide="ignore"):
        kl = -(p[asked] * np.log(ratio)).sum(axis=1).mean() if all_drawn else np.nan
    means |= {"kl": float(kl), "top_ratio": float(ratio.max(axis=1).mean())}
    return {name: one if np.isfinite(one) else None for name, one in means.items()}


def _deviation(q: FloatArray, n: int) -> FloatArray:
    """Return E|X / n - q| of X binomial (n, q)."""
    above = np.floor(n * q * (1 + 1e-12)) + 1.0
    # De Moivre: E|X - nq| = 2 v (1 - q) P(X = v), v the least whole number above nq.
    mean = 2.0 * above * (1.0 - q) * binom.pmf(above, n, q) / n
    return np.where((q <= 0.0) | (q >= 1.0), 0.0, mean)
