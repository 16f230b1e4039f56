"""The families of instructed targets, by name; reading them costs no import of scipy."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["HELD_OUT_FAMILIES", "INSTRUCTED_FAMILIES", "InstructedFamily"]

InstructedFamily = Literal[
    "coin",
    "die",
    "weighted_2",
    "weighted_3",
    "weighted_5",
    "weighted_9",
    "binomial",
    "poisson",
    "normal",
    "uniform",
    "urn",
    "geometric",
    "two_dice",
]
INSTRUCTED_FAMILIES: tuple[InstructedFamily, ...] = get_args(InstructedFamily)

HELD_OUT_FAMILIES: frozenset[InstructedFamily] = frozenset({"urn", "geometric", "two_dice"})
"""Never trained: all their parameters are held out."""
