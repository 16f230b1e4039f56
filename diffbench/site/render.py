"""Templates to pages: everything escaped, never NaN, links to https alone."""

from __future__ import annotations

import json
import math
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from diffbench.assets import asset_dir
from diffbench.site.display import (
    direction_mark,
    family_title,
    interval_text,
    number,
    parameters_text,
    signed,
)

__all__ = ["dump_json", "make_environment", "safe_url"]


def make_environment() -> Environment:
    """Return the environment of all templates; an unknown name in one is an error."""
    # `select_autoescape` would leave some file names out; all text here is hostile.
    environment = Environment(
        loader=FileSystemLoader(asset_dir("leaderboard") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": True,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    environment.filters |= {
        "number": number,
        "signed": signed,
        "family": family_title,
        "parameters": parameters_text,
        "interval": interval_text,
        "direction": direction_mark,
        "https": safe_url,
    }
    return environment


def safe_url(url: str) -> str:
    """Return a link if a browser would not run it, else nothing."""
    return url if url.startswith("https://") else ""


def dump_json(content: Any) -> str:
    """Return JSON that is the same everywhere: ASCII, keys sorted, never NaN.

    Raises:
        ValueError: If the content holds NaN or an infinity.
    """
    return json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))


def rounded(value: float, digits: int = 6) -> float:
    """Return a value with so many significant digits, for charts and scripts.

    Raises:
        ValueError: If it is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be shown")
    return float(f"{value:.{digits}g}")
