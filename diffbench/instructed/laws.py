"""Families whose outcomes are numbers under a law, with scipy's probabilities.

An infinite support keeps all outcomes but a tail of less than `TAIL` on each side. What the
kept outcomes hold is the target's listed mass; the tail is no outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, geom, norm, poisson, randint

from diffbench.instructed.setting import Draw, Key, Setting, Telling
from diffbench.instructed.words import comma_list
from diffbench.targets import Outcome

__all__ = [
    "TAIL",
    "draw_binomial",
    "draw_geometric",
    "draw_normal",
    "draw_poisson",
    "draw_two_dice",
    "draw_uniform",
]

TAIL = 1e-9

Numbers = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def draw_binomial(rng: np.random.Generator) -> Draw:
    """Draw the number of successes in 3 to 12 tries, each of 10% to 90% in steps of 5."""
    n, percent = int(rng.integers(3, 13)), 5 * int(rng.integers(2, 19))
    k = np.arange(n + 1)
    return _draw(
        # Counting failures instead is the same law, so both chances are of one set.
        (n, min(percent, 100 - percent)),
        f"Binomial, {n} tries of {percent}%",
        (k, binom.pmf(k, n, percent / 100)),
        {"n": str(n), **_chance(percent)},
    )


def draw_poisson(rng: np.random.Generator) -> Draw:
    """Draw a count of mean 0.5 to 12.0, in steps of 0.1."""
    tenths = int(rng.integers(5, 121))
    law = poisson(tenths / 10)
    k = np.arange(_last(law.isf(TAIL)) + 1)
    mean = f"{tenths / 10:.1f}"
    return _draw(
        (tenths,),
        f"Poisson, mean {mean}",
        (k, law.pmf(k)),
        {"mean": mean},
        tail=float(law.sf(k[-1])),
    )


def draw_geometric(rng: np.random.Generator) -> Draw:
    """Draw the number of tries up to the first success, each try of 20% to 70%."""
    percent = int(rng.integers(20, 71))
    law = geom(percent / 100)
    k = np.arange(1, _last(law.isf(TAIL)) + 1)
    return _draw(
        (percent,),
        f"Geometric, {percent}% a try",
        (k, law.pmf(k)),
        _chance(percent),
        tail=float(law.sf(k[-1])),
    )


def draw_normal(rng: np.random.Generator) -> Draw:
    """Draw a rounded normal: mean 50 to 200, standard deviation 1.0 to 6.0 by halves."""
    mean, halves = int(rng.integers(50, 201)), int(rng.integers(2, 13))
    law = norm(0, halves / 2)
    # P(|rounded deviation| > reach) = 2 sf(reach + 1/2).
    reach = _last(law.isf(TAIL) - 0.5)
    away = np.abs(np.arange(-reach, reach + 1))
    # By the upper tail on both sides: differences of values near 1 would lose digits.
    p = law.sf(away - 0.5) - law.sf(away + 0.5)
    return _draw(
        (mean, halves),
        f"Rounded normal, mean {mean}, sd {halves / 2:g}",
        (mean + np.arange(-reach, reach + 1), p),
        {"mean": str(mean), "sd": f"{halves / 2:g}"},
        tail=2 * float(law.sf(reach + 0.5)),
    )


def draw_uniform(rng: np.random.Generator) -> Draw:
    """Draw a range of 5 to 40 integers that begins anywhere from 3 to 300."""
    first, n = int(rng.integers(3, 301)), int(rng.integers(5, 41))
    k = np.arange(first, first + n)
    last = int(k[-1])
    return _draw(
        (first, last),
        f"Integer {first}–{last}",
        (k, randint.pmf(k, first, last + 1)),
        {"first": str(first), "last": str(last)},
    )


def draw_two_dice(rng: np.random.Generator) -> Draw:
    """Draw the sum of two six-sided dice, not alike, with faces from 0 to 9."""
    usual = list(range(1, 7))
    while True:
        a, b = sorted(sorted(int(f) for f in rng.integers(0, 10, 6)) for _ in range(2))
        if a != b and usual not in (a, b):
            break
    k, p = _sum_of(a, b)
    return _draw(
        (*a, *b),
        f"Dice {'-'.join(map(str, a))} and {'-'.join(map(str, b))}",
        (k, p),
        {
            "faces_a": comma_list([str(face) for face in a]),
            "faces_b": comma_list([str(face) for face in b]),
        },
    )


def _sum_of(a: Sequence[int], b: Sequence[int]) -> tuple[Numbers, Probabilities]:
    ways = np.convolve(np.bincount(a), np.bincount(b))
    k = np.flatnonzero(ways)
    return k, ways[k] / ways.sum()


def _last(bound: float) -> int:
    return int(np.ceil(bound))


def _chance(percent: int) -> dict[str, str]:
    return {"percent": f"{percent}%", "decimal": f"{percent / 100:.2f}"}


def _draw(
    key: Key,
    title: str,
    law: tuple[Numbers, Probabilities],
    phrases: Mapping[str, str],
    *,
    tail: float = 0.0,
) -> Draw:
    k, p = law
    setting = Setting(
        title=title,
        outcomes=tuple(
            Outcome(text=str(number), weight=float(weight), value=float(number))
            for number, weight in zip(k.tolist(), p.tolist(), strict=True)
        ),
        tellings=(Telling(id="", phrases=phrases),),
        listed_mass=1.0 - tail,
    )
    return Draw(key=key, settings=(setting,))
