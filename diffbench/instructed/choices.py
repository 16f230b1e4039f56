"""Families that list their options: a coin, a die, weighted choices, an urn.

Each draws two settings: the second gives the same options the same chances, with the
rank of each reversed, so that a liking for a name scores the same in both together. Each
setting is told in two orders, one the reverse of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from diffbench.instructed.setting import Draw, Setting, Telling
from diffbench.instructed.words import COLOURS, THEMES, comma_list, number_word
from diffbench.targets import Outcome

__all__ = ["draw_coin", "draw_die", "draw_urn", "draw_weighted"]

Phrases = Callable[[Sequence[tuple[str, int]]], Mapping[str, str]]


def draw_coin(rng: np.random.Generator) -> Draw:
    """Draw a biased coin, 2% to 48% of either side, and the coin biased the other way."""
    rare = int(rng.integers(2, 49))
    chances = [rare, 100 - rare]
    if rng.integers(2):
        chances.reverse()
    return _mirrored("Coin", ("heads", "tails"), chances, _chances)


def draw_die(rng: np.random.Generator) -> Draw:
    """Draw a loaded six-sided die, each face at least 2%."""
    return _mirrored("Die", tuple("123456"), _percentages(rng, 6), _chances)


def draw_weighted(rng: np.random.Generator, n_options: int) -> Draw:
    """Draw a choice among options of one kind, each at least 2%."""
    theme = THEMES[int(rng.integers(len(THEMES)))]
    names = tuple(theme[i] for i in rng.permutation(len(theme))[:n_options])
    return _mirrored(
        f"Choice of {n_options}", names, _percentages(rng, n_options), _chances
    )


def draw_urn(rng: np.random.Generator) -> Draw:
    """Draw an urn of three to five colours, one to twelve balls of each."""
    n_colours = int(rng.integers(3, 6))
    names = tuple(COLOURS[i] for i in rng.permutation(len(COLOURS))[:n_colours])
    counts = [1] * n_colours
    while len(set(counts)) < 2:
        counts = [int(count) for count in rng.integers(1, 13, n_colours)]
    return _mirrored("Urn", names, counts, _balls)


def _percentages(rng: np.random.Generator, n: int) -> list[int]:
    """Draw n whole percentages of at least 2, not all the same, uniformly."""
    least = 2
    while True:
        spare = 100 - least * n
        bars = np.sort(rng.permutation(spare + n - 1)[: n - 1])
        gaps = np.diff([-1, *bars, spare + n - 1]) - 1
        drawn = [least + int(gap) for gap in gaps]
        if len(set(drawn)) > 1:
            return drawn


def _mirrored(
    what: str, names: tuple[str, ...], weights: Sequence[int], phrases: Phrases
) -> Draw:
    return Draw(
        key=(*sorted(weights),),
        settings=tuple(
            _setting(what, names, some, phrases) for some in (weights, _reversed(weights))
        ),
    )


def _reversed(weights: Sequence[int]) -> list[int]:
    """Give the option of largest weight the smallest, and so on."""
    order = sorted(range(len(weights)), key=lambda i: (weights[i], i))
    mirrored = [0] * len(weights)
    for low, high in zip(order, reversed(order), strict=True):
        mirrored[low] = weights[high]
    return mirrored


def _setting(
    what: str, names: tuple[str, ...], weights: Sequence[int], phrases: Phrases
) -> Setting:
    pairs = list(zip(names, weights, strict=True))
    return Setting(
        title=_title(what, pairs),
        outcomes=tuple(
            Outcome(text=name, weight=weight, value=float(name) if name.isdigit() else None)
            for name, weight in pairs
        ),
        tellings=tuple(
            Telling(
                id=order, phrases=phrases(listed), listed=tuple(name for name, _ in listed)
            )
            for order, listed in (("", pairs), ("reversed", pairs[::-1]))
        ),
    )


def _title(what: str, pairs: Sequence[tuple[str, int]]) -> str:
    unit = "" if what == "Urn" else "%"
    most = sorted(pairs, key=lambda pair: -pair[1])[:2]
    shown = ", ".join(f"{name} {weight}{unit}" for name, weight in most)
    return f"{what}: {shown}" + (", …" if len(pairs) > 2 else "")


def _chances(listed: Sequence[tuple[str, int]]) -> dict[str, str]:
    return {
        "names": comma_list([name for name, _ in listed], "or"),
        "percents": comma_list([f"{chance}% for {name}" for name, chance in listed]),
        "decimals": comma_list(
            [f"{chance / 100:.2f} for {name}" for name, chance in listed]
        ),
        "times": comma_list([f"{chance} times {name}" for name, chance in listed]),
        "weights": comma_list([f"{chance} for {name}" for name, chance in listed]),
    }


def _balls(listed: Sequence[tuple[str, int]]) -> dict[str, str]:
    return {
        "names": comma_list([name for name, _ in listed], "or"),
        "balls": comma_list(
            [f"{number_word(n)} {name} ball{'s' * (n > 1)}" for name, n in listed]
        ),
        "counts": comma_list([f"{number_word(n)} {name}" for name, n in listed]),
    }
