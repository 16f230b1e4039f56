"""A tuning of seconds: one small task of the demo model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from diffbench.tuning.options import TuneOptions

__all__ = ["RECIPE", "small_options", "write_recipe"]

RECIPE: dict[str, Any] = {
    "extends": "all",
    "title": "a small one",
    "tasks": ["diffbench_dates_weekday"],
    "evaluate": ["diffbench_dates_weekday", "diffbench_dates_weekday_heldout"],
    "lora": {"rank": 4, "alpha": 8},
    # Where a gradient is all rounding, a smaller epsilon would make a whole step of it.
    "optimiser": {"learning_rate_times_width": 0.8, "epsilon": 1e-5},
    "guard": None,
    "passes": 10,
    "prompts_per_step": 2,
}


def write_recipe(folder: Path, **changes: Any) -> str:
    """Write the recipe, with top-level settings changed, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    return str(path)


def small_options(folder: Path, name: str = "out", **changes: Any) -> TuneOptions:
    """Return options for a tuning of the recipe into a folder below another."""
    options = {name: changes.pop(name) for name in _OPTIONS if name in changes}
    if "evaluate_tasks" in changes:
        changes["evaluate"] = changes.pop("evaluate_tasks")
    recipe = write_recipe(folder / f"recipe-{name}", **changes)
    stated = {"device": "cpu", "evaluate": False, **options}
    return TuneOptions(model="demo", recipe=recipe, output=folder / name, **stated)


_OPTIONS = (
    "evaluate",
    "gradient_checkpointing",
    "max_tokens",
    "resume",
    "retention",
    "seed",
)
