"""Hypothesis strategies for targets, models and counts over the same outcomes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from diffbench.metrics import FloatArray

__all__ = ["count_tables", "distributions", "pairs", "subdistributions"]

_POSITIVE = st.one_of(st.integers(1, 100).map(float), st.floats(1e-12, 1.0))
_WEIGHTS = st.one_of(st.just(0.0), _POSITIVE)


@st.composite
def distributions(
    draw: st.DrawFn, *, size: int | None = None, min_size: int = 1, zeros: bool = True
) -> FloatArray:
    """Probabilities that sum to 1: even, skewed, tiny and (if asked) zero ones."""
    k = draw(st.integers(min_size, 8)) if size is None else size
    weights = draw(st.lists(_WEIGHTS if zeros else _POSITIVE, min_size=k, max_size=k))
    weights[draw(st.integers(0, k - 1))] = draw(_POSITIVE)
    array = np.array(weights)
    return array / float(array.sum())


@st.composite
def subdistributions(
    draw: st.DrawFn,
    *,
    size: int | None = None,
    zeros: bool = True,
    min_mass: float = 0.0,
) -> FloatArray:
    """Probabilities with a valid mass from min_mass to 1, both ends included."""
    mass = st.one_of(st.just(min_mass), st.just(1.0), st.floats(min_mass, 1.0))
    return draw(distributions(size=size, zeros=zeros)) * draw(mass)


@st.composite
def pairs(
    draw: st.DrawFn, *, zeros: bool = True, min_mass: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """A target and a model over the same outcomes; zeros=False keeps KL finite."""
    p = draw(distributions(zeros=zeros))
    q = draw(subdistributions(size=p.size, zeros=zeros, min_mass=min_mass))
    return p, q


@st.composite
def count_tables(draw: st.DrawFn, *, size: int | None = None) -> tuple[list[int], int]:
    """Counts of K outcomes and of invalid replies, at least one reply in all."""
    k = draw(st.integers(1, 8)) if size is None else size
    counts = draw(st.lists(st.integers(0, 300), min_size=k, max_size=k))
    least = 1 if sum(counts) == 0 else 0
    return counts, draw(st.integers(least, 200))
