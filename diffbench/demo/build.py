"""Build the demo model and say how it turned out."""

from __future__ import annotations

import sys
import time

from diffbench.demo.recipe import read_recipe
from diffbench.demo.train import build_demo_model
from diffbench.models import demo_model_dir
from diffbench.suite import shipped_catalog

__all__ = ["main"]

_REPORT_EVERY = 100


def main() -> None:
    """Train by the shipped recipe into the package's own model folder."""
    recipe = read_recipe()
    start = time.monotonic()
    recent: list[float] = []

    def report(step: int, loss: float) -> None:
        recent.append(loss)
        if step % _REPORT_EVERY == 0:
            mean = sum(recent) / len(recent)
            recent.clear()
            sys.stderr.write(
                f"step {step} of {recipe.training.steps}  loss {mean:.3f} nats  "
                f"{time.monotonic() - start:.0f} s\n"
            )

    build_demo_model(shipped_catalog(), recipe, demo_model_dir(), report)
    sys.stderr.write(f"Written to {demo_model_dir()}\n")
