"""What is asked of one task: which metric, which way is better, how much is too much."""

from __future__ import annotations

from dataclasses import dataclass

from diffbench.compare.direction import Better

__all__ = ["DEFAULT_MARGIN", "Question"]

DEFAULT_MARGIN = 0.02
"""Difference of values from replies that does not matter, unless another is stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One metric of one task.

    Attributes:
        task: Name of the task in either measurement.
        metric: A key of METRICS_BY_NAME.
        better: Which values are better.
        tolerance: Damage that exact values may show; None for that of their precision.
        margin: Damage that values from replies may show.
        counted: Whether it belongs to the family that Holm's adjustment covers.
    """

    task: str
    metric: str
    better: Better
    tolerance: float | None = None
    margin: float = DEFAULT_MARGIN
    counted: bool = True
