"""A seed for each call, so that an honest server never draws the same reply by rote."""

from __future__ import annotations

import hashlib

__all__ = ["SEEDS", "call_seed"]

SEEDS = 2**31
# Odd, so that multiples of it run through all seeds before one comes again.
_STRIDE = 0x9E3779B1


def call_seed(run_seed: int, task: str, prompt: str, number: int) -> int:
    """Return the seed of one call, in [0, 2^31), which every server can read.

    Seeds of one prompt are distinct for distinct numbers below 2^31; those of other
    prompts, tasks and runs begin elsewhere.
    """
    name = f"{run_seed}\0{task}\0{prompt}".encode()
    start = int.from_bytes(hashlib.sha256(name).digest()[:4], "big")
    return (start + number * _STRIDE) % SEEDS
