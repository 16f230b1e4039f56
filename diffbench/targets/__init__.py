"""Target distributions: outcomes with the probability each was asked to have."""

from __future__ import annotations

from diffbench.targets.sources import (
    range_outcomes,
    read_csv_outcomes,
)
from diffbench.targets.target import Outcome, Target, make_target

__all__ = [
    "Outcome",
    "Target",
    "make_target",
    "range_outcomes",
    "read_csv_outcomes",
]
