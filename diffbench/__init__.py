"""DiffBench: does a language model draw from the distribution it was asked for?

    import diffbench
    result = diffbench.run(diffbench.RunOptions(model="demo"))
    result.overall.metrics["overlap"].value
    result = diffbench.load_results("runs/demo-…")

`diffbench.metrics` holds the metrics as functions of plain arrays.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from diffbench.version import __version__

if TYPE_CHECKING:
    from diffbench import metrics
    from diffbench.api import check, run, run_temperatures, study, tune
    from diffbench.errors import (
        DiffBenchError,
        ModelError,
        RecipeError,
        ResultError,
        ServerError,
        SettingsError,
        TargetError,
        TaskError,
    )
    from diffbench.gate import CheckError
    from diffbench.options import RunOptions
    from diffbench.results import RunResult, load_results, verify_result
    from diffbench.tuning.options import TuneOptions

__all__ = [
    "CheckError",
    "DiffBenchError",
    "ModelError",
    "RecipeError",
    "ResultError",
    "RunOptions",
    "RunResult",
    "ServerError",
    "SettingsError",
    "TargetError",
    "TaskError",
    "TuneOptions",
    "__version__",
    "check",
    "load_results",
    "metrics",
    "run",
    "run_temperatures",
    "study",
    "tune",
    "verify_result",
]

_HOMES = {
    "api": ("check", "run", "run_temperatures", "study", "tune"),
    "gate": ("CheckError",),
    "errors": tuple(
        name for name in __all__ if name.endswith("Error") and name != "CheckError"
    ),
    "options": ("RunOptions",),
    "results": ("RunResult", "load_results", "verify_result"),
    "tuning.options": ("TuneOptions",),
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `diffbench --help` is quick."""
    if name == "metrics":
        return importlib.import_module("diffbench.metrics")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"diffbench.{home}"), name)
    raise AttributeError(f"module 'diffbench' has no attribute {name!r}")
