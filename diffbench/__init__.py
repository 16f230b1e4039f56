"""DiffBench: does a language model draw from the distribution it was asked for?

    import diffbench
    result = diffbench.run(diffbench.RunOptions(model="demo"))
    result.overall.metrics["overlap"].value
    result = diffbench.load_results("runs/demo-…")

`diffbench.metrics` holds the metrics as functions of plain arrays.
"""

from __future__ import annotations

from diffbench import metrics
from diffbench.api import run
from diffbench.errors import (
    DiffBenchError,
    ModelError,
    ResultError,
    SettingsError,
    TargetError,
    TaskError,
)
from diffbench.options import RunOptions
from diffbench.results import RunResult, load_results, verify_result
from diffbench.version import __version__

__all__ = [
    "DiffBenchError",
    "ModelError",
    "ResultError",
    "RunOptions",
    "RunResult",
    "SettingsError",
    "TargetError",
    "TaskError",
    "__version__",
    "load_results",
    "metrics",
    "run",
    "verify_result",
]
