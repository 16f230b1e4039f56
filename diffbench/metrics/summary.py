"""All metrics of one prompt, from exact probabilities or from counted replies.

Each metric of METRICS is always in the answer, as a finite value or as a reason.
Where a target lists only part of its support, unlisted and nonsense replies cannot
be told apart: everything but overlap and valid mass then sees q renormalised.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.checks import FloatArray, as_counts, as_log_subdistribution
from diffbench.metrics.definitions import COVERAGE_DRAWS, METRICS
from diffbench.metrics.divergence import hellinger, js, overlap
from diffbench.metrics.entropy import effective_outcomes, entropy
from diffbench.metrics.guarded import (
    NO_VALID_MASS,
    guarded_coverage_ratio,
    guarded_entropy_ratio,
    guarded_expected_coverage,
    guarded_kl,
    guarded_kl_reverse_valid,
    guarded_rarefied_coverage,
    guarded_top_ratio,
    guarded_wasserstein,
)
from diffbench.metrics.normalise import log_renormalise, renormalise
from diffbench.metrics.value import MetricValue

__all__ = ["measure_counts", "measure_probabilities"]


def measure_probabilities(
    target: TargetArrays, log_q: npt.ArrayLike
) -> dict[str, MetricValue]:
    """Return every metric of a model whose probabilities are known.

    Args:
        target: The target of the K outcomes.
        log_q: Shape (K,), natural logs of the model's probabilities; -inf for 0.

    Returns:
        Name to value, in the order of METRICS and in the units stated there.

    Raises:
        ValueError: If log_q is refused or its size is not K.
    """
    log_model = as_log_subdistribution(log_q, size=target.p.size)
    # In logs, since a valid mass that underflows still has a shape.
    log_valid = None if np.isneginf(log_model).all() else log_renormalise(log_model)
    q = np.exp(log_model)
    valid = None if log_valid is None else renormalise(np.exp(log_valid))
    log_judged, judged = (log_model, q) if target.whole else (log_valid, valid)
    found = _from_masses(target, q, judged, valid)
    found["kl"] = guarded_kl(target, log_judged, "has probability 0")
    return _complete(target, found, lambda n: guarded_expected_coverage(judged, n))


def measure_counts(
    target: TargetArrays, counts: npt.ArrayLike, n_invalid: int
) -> dict[str, MetricValue]:
    """Return every metric of N counted replies, as plug-in values.

    q[k] = counts[k] / N with N = sum(counts) + n_invalid; coverage by rarefaction

    Args:
        target: The target of the K outcomes.
        counts: Shape (K,), how often each outcome was drawn.
        n_invalid: Number of replies that are none of the K outcomes, at least 0.

    Returns:
        Name to value, in the order of METRICS and in the units stated there. Only
        valid mass and coverage are unbiased; the bias of the rest fades as N grows.

    Raises:
        ValueError: If counts is refused, its size is not K, n_invalid is negative,
            or there is no reply at all.
    """
    drawn = as_counts(counts, size=target.p.size)
    n_valid = int(drawn.sum())
    n_replies = _count_replies(n_valid, n_invalid)
    q = drawn / n_replies
    valid = drawn / n_valid if n_valid > 0 else None
    judged, n_judged = (q, n_replies) if target.whole else (valid, n_valid)
    found = _from_masses(target, q, judged, valid)
    found["kl"] = guarded_kl(target, _log(judged), "was never drawn")
    return _complete(target, found, lambda n: guarded_rarefied_coverage(drawn, n_judged, n))


def _from_masses(
    target: TargetArrays,
    q: FloatArray,
    judged: FloatArray | None,
    valid: FloatArray | None,
) -> dict[str, MetricValue]:
    return {
        "overlap": MetricValue(value=overlap(target.p, q, target.listed_mass)),
        "valid_mass": MetricValue(value=min(float(q.sum()), 1.0)),
        "wasserstein": guarded_wasserstein(target, valid),
        **_apply(_JUDGED, target, judged),
        **_apply(_VALID_ONLY, target, valid),
    }


def _complete(
    target: TargetArrays,
    found: dict[str, MetricValue],
    coverage_in: Callable[[int], MetricValue],
) -> dict[str, MetricValue]:
    for n in COVERAGE_DRAWS:
        coverage = coverage_in(n)
        found[f"coverage_{n}"] = coverage
        found[f"coverage_ratio_{n}"] = guarded_coverage_ratio(target, coverage, n)
    return {metric.name: found[metric.name] for metric in METRICS}


def _count_replies(n_valid: int, n_invalid: int) -> int:
    if n_invalid < 0:
        raise ValueError(f"n_invalid must not be negative, but got {n_invalid}")
    if n_valid + n_invalid == 0:
        raise ValueError("metrics need at least one reply, but got none")
    return n_valid + n_invalid


def _log(q: FloatArray | None) -> FloatArray | None:
    if q is None:
        return None
    with np.errstate(divide="ignore"):
        return np.log(q)


_Metric = Callable[[TargetArrays, FloatArray], MetricValue]

_JUDGED: dict[str, _Metric] = {
    "js": lambda target, q: MetricValue(value=js(target.p, q)),
    "hellinger": lambda target, q: MetricValue(value=hellinger(target.p, q)),
    "top_ratio": guarded_top_ratio,
}
_VALID_ONLY: dict[str, _Metric] = {
    "overlap_valid": lambda target, q: MetricValue(value=overlap(target.p, q)),
    "entropy": lambda _, q: MetricValue(value=entropy(q)),
    "entropy_ratio": guarded_entropy_ratio,
    "kl_reverse_valid": guarded_kl_reverse_valid,
    "js_valid": lambda target, q: MetricValue(value=js(target.p, q)),
    "hellinger_valid": lambda target, q: MetricValue(value=hellinger(target.p, q)),
    "effective_outcomes": lambda _, q: MetricValue(value=effective_outcomes(q)),
}


def _apply(
    metrics: dict[str, _Metric], target: TargetArrays, q: FloatArray | None
) -> dict[str, MetricValue]:
    if q is None:
        return dict.fromkeys(metrics, NO_VALID_MASS)
    return {name: metric(target, q) for name, metric in metrics.items()}
