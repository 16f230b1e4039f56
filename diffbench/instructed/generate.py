"""From a family, a seed and a set of parameters to settings."""

from __future__ import annotations

from typing import Literal

import numpy as np

from diffbench.errors import TargetError
from diffbench.instructed.families import DRAWS
from diffbench.instructed.names import HELD_OUT_FAMILIES, InstructedFamily
from diffbench.instructed.partition import is_held_out
from diffbench.instructed.setting import Key, Setting

__all__ = ["generate_settings"]

_TRIES = 10_000


def generate_settings(
    family: InstructedFamily, *, seed: int, split: Literal["train", "held_out"], n: int
) -> tuple[Setting, ...]:
    """Draw n settings of a family, no parameters twice.

    Args:
        family: What kind of target.
        seed: Chooses among the parameters of the split; 0 or more.
        split: Which parameters: see `is_held_out`.
        n: How many; even where settings come in pairs that mirror one another.

    Raises:
        TargetError: If the family is held out whole, n is odd where settings come in
            pairs, or the split has fewer settings.
    """
    if split == "train" and family in HELD_OUT_FAMILIES:
        raise TargetError(
            f"the family {family} is held out whole, so it has no train settings; write "
            "split: held_out"
        )
    rng = np.random.default_rng([seed, *family.encode()])
    seen: set[Key] = set()
    settings: list[Setting] = []
    for _ in range(_TRIES):
        if len(settings) >= n:
            break
        drawn = DRAWS[family](rng)
        held_out = family in HELD_OUT_FAMILIES or is_held_out(family, drawn.key)
        if drawn.key in seen or held_out != (split == "held_out"):
            continue
        seen.add(drawn.key)
        settings += drawn.settings
    if len(settings) < n:
        raise TargetError(
            f"the family {family} has no {n} {split} settings; ask for at most "
            f"{len(settings)}"
        )
    if len(settings) > n:
        raise TargetError(
            f"settings of the family {family} come in pairs that mirror one another; ask "
            f"for {len(settings)}, not {n}"
        )
    return tuple(settings)
