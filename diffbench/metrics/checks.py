"""Which arrays are accepted as probabilities, counts and values.

Every metric takes plain arrays, so every metric starts here. A refusal is a
ValueError that names the argument, the rule and what was found.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from diffbench.metrics.logspace import log_sum

__all__ = [
    "SUM_TOLERANCE",
    "FloatArray",
    "IntArray",
    "as_counts",
    "as_distribution",
    "as_log_subdistribution",
    "as_subdistribution",
    "as_values",
    "check_draws",
    "check_listed_mass",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

SUM_TOLERANCE: Final = 1e-6
"""How far a sum of probabilities may miss its bound: float32 softmax, text files."""


def as_distribution(
    p: npt.ArrayLike, *, size: int | None = None, name: str = "p"
) -> FloatArray:
    """Return probabilities that sum to 1.

    Args:
        p: Shape (K,), each at least 0, summing to 1 within SUM_TOLERANCE.
        size: The K to insist on, if any.
        name: What to call the argument in an error.

    Returns:
        A new array, shape (K,), divided by its own sum to take rounding away.

    Raises:
        ValueError: If p is empty, misshapen, not finite, negative or sums otherwise.
    """
    array = _as_masses(p, size=size, name=name)
    total = float(array.sum())
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to 1, but its sum is {total:.9g}")
    return array / total


def as_subdistribution(
    q: npt.ArrayLike, *, size: int | None = None, name: str = "q"
) -> FloatArray:
    """Return probabilities that sum to at most 1.

    Args:
        q: Shape (K,), each at least 0, summing to at most 1 + SUM_TOLERANCE.
        size: The K to insist on, if any.
        name: What to call the argument in an error.

    Returns:
        A new array, shape (K,), scaled back to sum 1 if its sum was above.

    Raises:
        ValueError: If q is empty, misshapen, not finite, negative or sums above 1.
    """
    array = _as_masses(q, size=size, name=name)
    total = float(array.sum())
    if total > 1.0 + SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to at most 1, but its sum is {total:.9g}")
    return array / total if total > 1.0 else array


def as_log_subdistribution(
    log_q: npt.ArrayLike, *, size: int | None = None, name: str = "log_q"
) -> FloatArray:
    """Return natural logs of probabilities that sum to at most 1.

    Args:
        log_q: Shape (K,), in nats, each at most 0; -inf stands for probability 0.
        size: The K to insist on, if any.
        name: What to call the argument in an error.

    Returns:
        A new array, shape (K,), in nats, shifted back to sum 1 if it was above.

    Raises:
        ValueError: If log_q is empty, misshapen, NaN, +inf or sums above 1.
    """
    array = _as_vector(log_q, size=size, name=name)
    # The largest is NaN if any is.
    if not array.max() < np.inf:
        _refuse(np.isnan(array) | np.isposinf(array), array, f"{name} must be a log")
    log_total = log_sum(array)
    if log_total > np.log1p(SUM_TOLERANCE):
        raise ValueError(
            f"{name} must hold logs of probabilities that sum to at most 1, "
            f"but the log of their sum is {log_total:.9g}"
        )
    return array - max(log_total, 0.0)


def as_counts(
    counts: npt.ArrayLike, *, size: int | None = None, name: str = "counts"
) -> IntArray:
    """Return how often each outcome was drawn, shape (K,), whole and at least 0.

    Raises:
        ValueError: If counts is empty, misshapen, negative, or not whole numbers.
    """
    array = _as_masses(counts, size=size, name=name)
    _refuse(array != np.floor(array), array, f"{name} must be whole numbers")
    return array.astype(np.int64)


def as_values(values: npt.ArrayLike, *, size: int | None = None) -> FloatArray:
    """Return the finite number or position of each outcome, shape (K,).

    Raises:
        ValueError: If values is empty, misshapen, not finite, or so wide that the
            distance between its ends overflows.
    """
    array = _as_vector(values, size=size, name="values")
    _refuse(~np.isfinite(array), array, "values must be finite")
    low, high = float(array.min()), float(array.max())
    if not np.isfinite(high - low):
        raise ValueError(f"values must span a finite range, but got {low} to {high}")
    return array


def check_draws(n: int, *, name: str = "n") -> None:
    """Refuse a number of draws below 1.

    Raises:
        ValueError: If n is below 1.
    """
    if n < 1:
        raise ValueError(f"{name} must be at least 1 draw, but got {n}")


def check_listed_mass(listed_mass: float) -> None:
    """Refuse a listed mass outside (0, 1].

    Raises:
        ValueError: If listed_mass is 0, negative, above 1 or NaN.
    """
    if not 0.0 < listed_mass <= 1.0:
        raise ValueError(f"listed_mass must be in (0, 1], but got {listed_mass}")


def _as_masses(x: npt.ArrayLike, *, size: int | None, name: str) -> FloatArray:
    array = _as_vector(x, size=size, name=name)
    # Least and largest are NaN if any is; only then is it worth while to look which.
    if not (array.min() >= 0.0 and array.max() < np.inf):
        _refuse(~np.isfinite(array), array, f"{name} must be finite")
        _refuse(array < 0.0, array, f"{name} must not be negative")
    return array


def _as_vector(x: npt.ArrayLike, *, size: int | None, name: str) -> FloatArray:
    array = np.array(x, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must have shape (K,) with K at least 1, but got {array.shape}"
        )
    if size is not None and array.size != size:
        raise ValueError(
            f"{name} must hold one entry for each of {size} outcomes, but got {array.size}"
        )
    return array


def _refuse(bad: npt.NDArray[np.bool_], array: FloatArray, rule: str) -> None:
    if bad.any():
        index = int(bad.argmax())
        raise ValueError(f"{rule}, but got {array[index]} at index {index}")
