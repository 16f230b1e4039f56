"""Targets that a prompt states in words: a seeded generator of their parameters.

`generate.py` is imported where targets are drawn, not here: it needs scipy.
"""

from __future__ import annotations

from diffbench.instructed.names import (
    HELD_OUT_FAMILIES,
    INSTRUCTED_FAMILIES,
    InstructedFamily,
)
from diffbench.instructed.partition import is_held_out
from diffbench.instructed.setting import Setting, Telling

__all__ = [
    "HELD_OUT_FAMILIES",
    "INSTRUCTED_FAMILIES",
    "InstructedFamily",
    "Setting",
    "Telling",
    "is_held_out",
]
