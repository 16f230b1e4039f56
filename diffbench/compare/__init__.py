"""Two results of the same tasks, side by side."""

from __future__ import annotations

from diffbench.compare.deltas import (
    Comparison,
    Delta,
    NotCompared,
    SplitMeans,
    TaskDelta,
    compare_results,
)

__all__ = [
    "Comparison",
    "Delta",
    "NotCompared",
    "SplitMeans",
    "TaskDelta",
    "compare_results",
]
