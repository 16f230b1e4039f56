"""Several tests at once: Holm's step-down adjustment."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values: at most a share alpha of families has a false one below it.

    adjusted[(i)] = max over j <= i of min(1, (m - j + 1) p[(j)]), p sorted upwards

    Args:
        p_values: Valid p-values of m tests, in any order and however dependent.

    Returns:
        Adjusted p-values in the same order.

    Raises:
        ValueError: If one is not in [0, 1].

    Reference:
        Holm 1979, Scandinavian Journal of Statistics 6.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values lie in 0..1, but got {list(p_values)}")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
