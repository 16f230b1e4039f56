"""What the replies at hand do not show: unseen mass, and entropy with it.

Each of these works without a target, and each has a place where it fails. There it is
null, with the reason.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from diffbench.metrics.checks import as_counts
from diffbench.metrics.value import MetricValue

__all__ = [
    "MOST_UNSEEN",
    "entropy_chao_shen",
    "entropy_miller_madow",
    "unseen_mass",
]

MOST_UNSEEN: Final = 0.1
"""Unseen mass above which Miller and Madow's correction is too small by far."""

_NO_VALID: Final = MetricValue(value=None, reason="no reply is valid")


def unseen_mass(counts: npt.ArrayLike, total: int) -> MetricValue:
    """Return the probability that the next reply is an outcome not drawn yet.

    f_1 / N, with f_1 the number of outcomes that were drawn once (Good-Turing)

    Args:
        counts: Shape (K,), how often each outcome was drawn.
        total: Number of replies, invalid ones included; at least sum(counts).

    Returns:
        Probability, 0 to 1, whose mean is that of N - 1 replies; null where every valid
        reply was drawn once, since nothing then says how much is left.

    Raises:
        ValueError: If counts is refused or total is below its sum.

    Reference:
        Good (1953), Biometrika 40(3-4), equation 9.
    """
    drawn = as_counts(counts)
    n_valid = int(drawn.sum())
    if total < n_valid:
        raise ValueError(
            f"total must be at least the sum of counts, {n_valid}, but got {total}"
        )
    if n_valid == 0:
        return _NO_VALID
    once = int((drawn == 1).sum())
    if once == n_valid:
        return MetricValue(value=None, reason="no outcome was drawn twice")
    return MetricValue(value=once / total)


def entropy_miller_madow(counts: npt.ArrayLike) -> MetricValue:
    """Return the entropy of valid replies, its first-order bias taken away.

    H(counts / N) + (S - 1) / (2 N), with S the number of outcomes drawn

    Args:
        counts: Shape (K,), how often each outcome was drawn.

    Returns:
        Nats; null where more than a tenth of the mass is unseen by Good and Turing's
        estimate: the correction knows only of the outcomes that were drawn.

    Reference:
        Miller (1955), Information Theory in Psychology.
    """
    drawn = as_counts(counts)
    n = int(drawn.sum())
    if n == 0:
        return _NO_VALID
    unseen = float((drawn == 1).sum()) / n
    if unseen > MOST_UNSEEN:
        return MetricValue(
            value=None,
            reason=f"{unseen:.0%} of the mass is unseen, more than {MOST_UNSEEN:.0%}",
        )
    seen = int((drawn > 0).sum())
    return MetricValue(value=float(entr(drawn / n).sum()) + (seen - 1) / (2 * n))


def entropy_chao_shen(counts: npt.ArrayLike) -> MetricValue:
    """Return the entropy of valid replies, unseen outcomes allowed for.

    -sum_k C p[k] ln(C p[k]) / (1 - (1 - C p[k])^N), p = counts / N, C = 1 - f_1 / N

    Args:
        counts: Shape (K,), how often each outcome was drawn.

    Returns:
        Nats, at least 0 and possibly above ln K, since K is not used; null where no
        outcome was drawn twice.

    Reference:
        Chao and Shen (2003), Environmental and Ecological Statistics 10, equation 6.
    """
    drawn = as_counts(counts)
    n = int(drawn.sum())
    if n == 0:
        return _NO_VALID
    once = int((drawn == 1).sum())
    if once == n:
        return MetricValue(value=None, reason="no outcome was drawn twice")
    share = (1.0 - once / n) * drawn[drawn > 0] / n
    with np.errstate(divide="ignore"):
        included = -np.expm1(n * np.log1p(-share))
    return MetricValue(value=float((entr(share) / included).sum()))
