"""How far the model's distribution is from the target.

Overlap, Jensen-Shannon and Hellinger count the invalid outcome as an outcome whose
target is 0; given a renormalised q they compare valid replies only.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from diffbench.metrics.checks import (
    FloatArray,
    as_distribution,
    as_log_subdistribution,
    as_subdistribution,
    check_listed_mass,
)
from diffbench.metrics.normalise import invalid_mass, renormalise

__all__ = ["hellinger", "js", "kl", "kl_reverse_valid", "overlap"]


def overlap(p: npt.ArrayLike, q: npt.ArrayLike, listed_mass: float = 1.0) -> float:
    """Return the probability mass that the model and the target share.

    sum_k min(m p[k], q[k]) / m, with m the listed mass. For m = 1 this is
    1 - TV(p, q), the invalid outcome included in the total variation.

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        q: Shape (K,), model probabilities, summing to at most 1.
        listed_mass: In (0, 1], how much the true target gives the K outcomes.

    Returns:
        Probability, 0 (nothing shared) to 1 (the model draws as asked).

    Raises:
        ValueError: If p or q is no (sub-)distribution, sizes differ, or listed_mass
            is out of range.

    Reference:
        Levin and Peres (2017), Markov Chains and Mixing Times, section 4.1.
    """
    check_listed_mass(listed_mass)
    target, model = _pair(p, q)
    shared = float(np.minimum(listed_mass * target, model).sum())
    return min(shared / listed_mass, 1.0)


def kl(p: npt.ArrayLike, log_q: npt.ArrayLike) -> float:
    """Return the divergence of the target from the model, invalid mass included.

    KL(p || q) = sum over p[k] > 0 of p[k] (ln p[k] - log_q[k])

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        log_q: Shape (K,), natural logs of model probabilities whose sum is at most
            1; -inf stands for probability 0. Logs, because exp underflows.

    Returns:
        Nats, at least 0; inf where an outcome with p > 0 has log_q = -inf.

    Raises:
        ValueError: If p or log_q is refused, or their sizes differ.

    Reference:
        Kullback and Leibler (1951), Annals of Mathematical Statistics 22.
    """
    target = as_distribution(p)
    log_model = as_log_subdistribution(log_q, size=target.size)
    asked = target > 0.0
    terms = target[asked] * (np.log(target[asked]) - log_model[asked])
    return max(0.0, float(terms.sum()))


def kl_reverse_valid(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Return the divergence of the model's valid replies from the target.

    KL(q_valid || p), q_valid = q / sum(q)

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        q: Shape (K,), model probabilities, summing to at most 1 and above 0.

    Returns:
        Nats, at least 0; inf where an outcome with p = 0 has q > 0.

    Raises:
        ValueError: If p or q is refused, sizes differ, or q has no mass.

    Reference:
        Kullback and Leibler (1951), Annals of Mathematical Statistics 22.
    """
    target, model = _pair(p, q)
    model = renormalise(model)
    drawn = model > 0.0
    if (target[drawn] == 0.0).any():
        return math.inf
    # A difference of logs: the ratio q / p overflows for subnormal p.
    terms = model[drawn] * (np.log(model[drawn]) - np.log(target[drawn]))
    return max(0.0, float(terms.sum()))


def js(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Return the Jensen-Shannon divergence, the invalid outcome included.

    KL(p || a) / 2 + KL(q || a) / 2, a = (p + q) / 2, over K + 1 outcomes.
    This is the divergence, not its square root.

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        q: Shape (K,), model probabilities, summing to at most 1.

    Returns:
        Nats, 0 to ln 2.

    Raises:
        ValueError: If p or q is no (sub-)distribution, or sizes differ.

    Reference:
        Lin (1991), IEEE Transactions on Information Theory 37(1).
    """
    target, model = _pair(p, q)
    # Against p + q, not half of it: halving the least subnormal gives 0.
    both = target + model
    listed = rel_entr(2.0 * target, both).sum() + rel_entr(2.0 * model, both).sum()
    rest = 2.0 * invalid_mass(model) * math.log(2.0)
    return min(max((float(listed) + rest) / 4.0, 0.0), math.log(2.0))


def hellinger(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Return the Hellinger distance, the invalid outcome included.

    sqrt(sum_k (sqrt(p[k]) - sqrt(q[k]))^2 / 2), over K + 1 outcomes

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        q: Shape (K,), model probabilities, summing to at most 1.

    Returns:
        Distance without unit, 0 to 1.

    Raises:
        ValueError: If p or q is no (sub-)distribution, or sizes differ.

    Reference:
        Gibbs and Su (2002), International Statistical Review 70(3), there without
        the factor 1/2.
    """
    target, model = _pair(p, q)
    squares = np.square(np.sqrt(target) - np.sqrt(model)).sum()
    return min(math.sqrt((float(squares) + invalid_mass(model)) / 2.0), 1.0)


def _pair(p: npt.ArrayLike, q: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    target = as_distribution(p)
    return target, as_subdistribution(q, size=target.size)
