"""What an adapter's folder says of how it was made."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from diffbench.errors import printable
from diffbench.results import AdapterInfo

__all__ = ["adapter_info"]


def adapter_info(folder: Path, sha256: str) -> AdapterInfo:
    """Describe an adapter; what its files do not say soundly stays unknown.

    Args:
        folder: Holds adapter_config.json and, if DiffBench made it, tune.json.
        sha256: Hash of the adapter's weights and settings.
    """
    config = _read(folder / "adapter_config.json")
    tuned = _read(folder / "tune.json")
    if tuned.get("adapter_sha256") != sha256:
        # The weights are no longer those that this tuning made.
        tuned = {}
    recipe = tuned.get("recipe_name")
    return AdapterInfo(
        sha256=sha256,
        name=folder.resolve().name,
        rank=_count(config.get("r")),
        alpha=_number(config.get("lora_alpha")),
        recipe=printable(recipe) if isinstance(recipe, str) else None,
        steps=_count(tuned.get("steps")),
        seed=_count(tuned.get("seed")),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
