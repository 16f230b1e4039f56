"""Hypothesis strategies for targets, models and counts over the same outcomes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from diffbench.metrics import FloatArray

__all__ = ["TINY", "count_tables", "distributions", "pairs", "subdistributions"]

# Next to a sure outcome entropy is only known to about 1e-16, the rounding of 1 - p:
# comparisons to nine digits need masses above 1e-8, bounds hold for tiny ones too.
_USUAL = 1e-4
TINY = 1e-15


def _positive(least: float) -> st.SearchStrategy[float]:
    return st.one_of(st.integers(1, 100).map(float), st.floats(least, 1.0))


@st.composite
def distributions(
    draw: st.DrawFn,
    *,
    size: int | None = None,
    min_size: int = 1,
    zeros: bool = True,
    least: float = _USUAL,
) -> FloatArray:
    """Probabilities that sum to 1: even, skewed and (unless refused) zero ones."""
    k = draw(st.integers(min_size, 8)) if size is None else size
    positive = _positive(least)
    weight = st.one_of(st.just(0.0), positive) if zeros else positive
    weights = draw(st.lists(weight, min_size=k, max_size=k))
    weights[draw(st.integers(0, k - 1))] = draw(positive)
    array = np.array(weights)
    return array / float(array.sum())


@st.composite
def subdistributions(
    draw: st.DrawFn,
    *,
    size: int | None = None,
    zeros: bool = True,
    min_mass: float = 0.0,
    least: float = _USUAL,
) -> FloatArray:
    """Probabilities with a valid mass from min_mass to 1, both ends included."""
    mass = st.one_of(st.just(min_mass), st.just(1.0), st.floats(min_mass, 1.0))
    return draw(distributions(size=size, zeros=zeros, least=least)) * draw(mass)


@st.composite
def pairs(
    draw: st.DrawFn,
    *,
    zeros: bool = True,
    min_mass: float = 0.0,
    least: float = _USUAL,
) -> tuple[FloatArray, FloatArray]:
    """A target and a model over the same outcomes; zeros=False keeps KL finite."""
    p = draw(distributions(zeros=zeros, least=least))
    model = subdistributions(size=p.size, zeros=zeros, min_mass=min_mass, least=least)
    return p, draw(model)


@st.composite
def count_tables(draw: st.DrawFn, *, size: int | None = None) -> tuple[list[int], int]:
    """Counts of K outcomes and of invalid replies, at least one reply in all."""
    k = draw(st.integers(1, 8)) if size is None else size
    counts = draw(st.lists(st.integers(0, 300), min_size=k, max_size=k))
    least = 1 if sum(counts) == 0 else 0
    return counts, draw(st.integers(least, 200))
