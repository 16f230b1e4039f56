"""Seeds that the content decides, so that a simulated number can be computed again."""

from __future__ import annotations

import hashlib

import numpy as np

from diffbench.metrics.checks import FloatArray, IntArray

__all__ = ["content_seed"]


def content_seed(purpose: str, *content: FloatArray | IntArray | float) -> int:
    """Return a seed for one purpose and these numbers, below 2^64."""
    digest = hashlib.sha256(purpose.encode())
    for one in content:
        array = np.ascontiguousarray(one)
        digest.update(f"{array.dtype.kind}{array.shape}".encode())
        # Little-endian on every platform.
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return int.from_bytes(digest.digest()[:8], "big")
