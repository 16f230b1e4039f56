"""Results files: their schema, reading, writing and verification."""

from __future__ import annotations

from diffbench.results.compute import (
    family_aggregates,
    mean_metrics,
    metrics_from_counts,
    metrics_from_probabilities,
    overall_aggregate,
)
from diffbench.results.files import (
    RESULTS_NAME,
    SAMPLES_NAME,
    content_sha256,
    load_results,
    write_atomic,
    write_results,
    write_samples,
)
from diffbench.results.schema import (
    SCHEMA_VERSION,
    AdapterInfo,
    Aggregate,
    CommonReply,
    EstimatorLabel,
    GitInfo,
    MetricEntry,
    ModelInfo,
    PromptResult,
    ReplyProbe,
    RunInfo,
    RunResult,
    RunSettings,
    TargetRecord,
    TaskResult,
)
from diffbench.results.verify import verify_result

__all__ = [
    "RESULTS_NAME",
    "SAMPLES_NAME",
    "SCHEMA_VERSION",
    "AdapterInfo",
    "Aggregate",
    "CommonReply",
    "EstimatorLabel",
    "GitInfo",
    "MetricEntry",
    "ModelInfo",
    "PromptResult",
    "ReplyProbe",
    "RunInfo",
    "RunResult",
    "RunSettings",
    "TargetRecord",
    "TaskResult",
    "content_sha256",
    "family_aggregates",
    "load_results",
    "mean_metrics",
    "metrics_from_counts",
    "metrics_from_probabilities",
    "overall_aggregate",
    "verify_result",
    "write_atomic",
    "write_results",
    "write_samples",
]
