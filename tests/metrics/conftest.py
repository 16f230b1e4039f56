"""Hypothesis settings for the metrics' properties."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile(
    "diffbench-metrics", deadline=None, max_examples=60, print_blob=True
)
settings.load_profile("diffbench-metrics")
