"""Models of known probabilities that simulations draw from, and where tables are put."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffbench.metrics import FloatArray

__all__ = ["DOCS", "LAWS", "TARGETS", "model", "put_table", "target"]

DOCS = Path(__file__).parents[1] / "docs" / "statistics.md"
TARGETS = ("uniform", "Zipf")
LAWS = ("at", "near", "spiked", "collapsed", "holes", "far", "near, a fifth invalid")


def target(name: str, size: int) -> FloatArray:
    """Return (K,) probabilities of a target."""
    ranks = np.arange(1.0, size + 1)
    weights = np.ones(size) if name == "uniform" else 1.0 / ranks
    return np.asarray(weights / weights.sum())


def model(p: FloatArray, law: str, rng: np.random.Generator) -> FloatArray:
    """Return (K,) of a model: the target, or one that leaves it in a way of its own."""
    if law == "at":
        return p
    if law in ("spiked", "collapsed"):
        favourite = 0.3 if law == "spiked" else 0.9
        q = (1.0 - favourite) * p
        q[p.size // 2] += favourite
        return q
    if law == "holes":
        q = p * (np.arange(p.size) % 2 == 0)
        return np.asarray(q / q.sum())
    q = p * np.exp((2.5 if law == "far" else 0.3) * rng.standard_normal(p.size))
    return np.asarray((0.8 if law.endswith("invalid") else 1.0) * q / q.sum())


def put_table(name: str, lines: Sequence[str]) -> None:
    """Put a Markdown table between its marks in docs/statistics.md."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = DOCS.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    text = f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{after}"
    DOCS.write_text(text, encoding="utf-8")
