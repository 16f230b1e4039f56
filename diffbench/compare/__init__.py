"""Two results of the same tasks, side by side, and what the difference comes to."""

from __future__ import annotations

from diffbench.compare.biographies import (
    BIOGRAPHY_ROWS,
    BiographyComparison,
    BiographyDelta,
    compare_biographies,
)
from diffbench.compare.deltas import (
    Comparison,
    Delta,
    NotCompared,
    SplitMeans,
    TaskDelta,
    compare_results,
)
from diffbench.compare.direction import Better, natural_direction
from diffbench.compare.exact import exact_values
from diffbench.compare.judge import judge
from diffbench.compare.measurement import (
    MeasuredPrompt,
    MeasuredTask,
    Measurement,
    measurement_of,
)
from diffbench.compare.pairing import common_name, pair_tasks
from diffbench.compare.primary import DEFAULT_ALPHA, compare_measurements
from diffbench.compare.question import DEFAULT_MARGIN, Question
from diffbench.compare.verdict import ChangeInterval, MetricVerdict, Verdict, Verdicts

__all__ = [
    "BIOGRAPHY_ROWS",
    "DEFAULT_ALPHA",
    "DEFAULT_MARGIN",
    "Better",
    "BiographyComparison",
    "BiographyDelta",
    "ChangeInterval",
    "Comparison",
    "Delta",
    "MeasuredPrompt",
    "MeasuredTask",
    "Measurement",
    "MetricVerdict",
    "NotCompared",
    "Question",
    "SplitMeans",
    "TaskDelta",
    "Verdict",
    "Verdicts",
    "common_name",
    "compare_biographies",
    "compare_measurements",
    "compare_results",
    "exact_values",
    "judge",
    "measurement_of",
    "natural_direction",
    "pair_tasks",
]
