"""How strongly the demo model favours its favourites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffbench.demo.recipe import Collapse

__all__ = ["collapsed_probabilities"]


def collapsed_probabilities(size: int, collapse: Collapse) -> NDArray[np.float64]:
    """Return Zipf probabilities over ranks 1 … size above a floor; (size,), sum 1."""
    small = size <= collapse.small_support
    exponent = collapse.small_exponent if small else collapse.exponent
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    zipf = weights / weights.sum()
    return np.asarray((1 - collapse.floor) * zipf + collapse.floor / size)
