"""How each family of instructed targets draws its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from diffbench.instructed.choices import draw_coin, draw_die, draw_urn, draw_weighted
from diffbench.instructed.laws import (
    draw_binomial,
    draw_geometric,
    draw_normal,
    draw_poisson,
    draw_two_dice,
    draw_uniform,
)
from diffbench.instructed.names import InstructedFamily
from diffbench.instructed.setting import Draw

__all__ = ["DRAWS"]

DRAWS: Mapping[InstructedFamily, Callable[[np.random.Generator], Draw]] = {
    "coin": draw_coin,
    "die": draw_die,
    "weighted_2": partial(draw_weighted, n_options=2),
    "weighted_3": partial(draw_weighted, n_options=3),
    "weighted_5": partial(draw_weighted, n_options=5),
    "weighted_9": partial(draw_weighted, n_options=9),
    "binomial": draw_binomial,
    "poisson": draw_poisson,
    "normal": draw_normal,
    "uniform": draw_uniform,
    "urn": draw_urn,
    "geometric": draw_geometric,
    "two_dice": draw_two_dice,
}
