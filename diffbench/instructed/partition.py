"""Which parameters are held out, under every seed.

The seed chooses among the parameters of a set, never which set they belong to. So who
trains on the train set of any number of seeds meets no held-out target.
"""

from __future__ import annotations

import hashlib

from diffbench.instructed.setting import Key

__all__ = ["HELD_OUT_SHARE", "is_held_out"]

HELD_OUT_SHARE = 0.25


def is_held_out(family: str, key: Key) -> bool:
    """Return whether a family's parameters are held out: a fixed quarter of them is."""
    text = f"{family}:{','.join(map(str, key))}"
    first = hashlib.sha256(text.encode()).digest()[0]
    return first < HELD_OUT_SHARE * 256
