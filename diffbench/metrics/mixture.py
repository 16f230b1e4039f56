"""How far outcomes are over- or under-drawn, as one distribution fitted to all counts.

Each outcome's ratio r = q / (m p) is taken as a draw from an unknown mixing distribution
G, and its count as Poisson with mean N m p r. G is fitted by nonparametric maximum
likelihood, so that outcomes lend each other strength: where all counts scatter as a
perfect sampler's do, G is nearly one point; one over-drawn outcome changes little else.

Reference:
    Kiefer and Wolfowitz (1956), Annals of Mathematical Statistics 27; Koenker and
    Mizera (2014), J. American Statistical Association 109, for the fixed grid. For a
    uniform target it is close to profile maximum likelihood (Acharya, Das, Orlitsky and
    Suresh 2017, ICML), which is near-optimal for distances to uniformity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import xlogy

from diffbench.metrics.checks import FloatArray, IntArray

__all__ = ["Cells", "Fit", "cells_of", "fit_mixture", "ratio_grid"]

_STEPS: Final = 400
# An exponent below 2 keeps multiplicative steps convergent, at twice the speed.
_EXPONENT: Final = 1.9
_ATOMS: Final = 60
# Targets that differ by less than this share of a count's own scatter are one.
_SAME: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Outcomes of (nearly) one target and one count, put together.

    Attributes:
        expected: (C,) N m p of an outcome in the cell.
        count: (C,) its count.
        size: (B, C) number of outcomes in the cell, for each of B samples.
        share: (B, C) sum of their p.
        place: (B, K) the cell of each outcome.
    """

    expected: FloatArray
    count: FloatArray
    size: FloatArray
    share: FloatArray
    place: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The fitted mixing distribution.

    Attributes:
        ratios: (A,) grid of ratios, ascending.
        weights: (B, A) their probabilities, for each of B samples.
        likelihood: (C, A) of each cell's count at each ratio, up to a factor.
        cells: What was fitted to.
    """

    ratios: FloatArray
    weights: FloatArray
    likelihood: FloatArray
    cells: Cells

    def mean(self, values: FloatArray) -> FloatArray:
        """Return (B,): sum_k p_k E[values(r_k) | count_k], values given on the grid."""
        evidence = self.weights @ self.likelihood.T
        found = (self.weights * values) @ self.likelihood.T / evidence
        return np.asarray((self.cells.share * found).sum(axis=1))

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return (n, K): ratios of each outcome given its count in the first sample."""
        joint = self.weights[0] * self.likelihood
        upper = np.cumsum(joint, axis=1) / joint.sum(axis=1, keepdims=True)
        below = upper[self.cells.place[0]]
        # The last bound is 1 but for rounding, and no draw may pass it.
        drawn = [
            (below[:, :-1] < u[:, None]).sum(axis=1) for u in rng.random((n, len(below)))
        ]
        return self.ratios[np.asarray(drawn)]


def cells_of(p: FloatArray, expected: FloatArray, counts: IntArray) -> Cells:
    """Put outcomes of nearly one target and one count together.

    Args:
        p: (K,) targets, each above 0.
        expected: (K,) N m p.
        counts: (B, K) counts of B samples.
    """
    step = _SAME / np.sqrt(np.maximum(counts, 1))
    # Rounded twice, so that another platform's log finds the same cells.
    level = np.round(np.round(np.log(expected), 9) / step).astype(np.int64)
    keys = np.stack([counts.ravel(), level.ravel()], axis=1)
    unique, place = np.unique(keys, axis=0, return_inverse=True)
    n_samples, n_cells = len(counts), len(unique)
    place = place.reshape(counts.shape)
    flat = (place + n_cells * np.arange(n_samples)[:, None]).ravel()
    length = n_samples * n_cells

    def add(values: FloatArray) -> FloatArray:
        repeated = np.broadcast_to(values, counts.shape).ravel()
        found = np.bincount(flat, weights=repeated, minlength=length)
        return found.reshape(n_samples, n_cells)

    size = add(np.ones(len(p)))
    return Cells(
        expected=add(expected).sum(axis=0) / size.sum(axis=0),
        count=unique[:, 0].astype(np.float64),
        size=size,
        share=add(p),
        place=place,
    )


def ratio_grid(cells: Cells, valid: float) -> FloatArray:
    """Return the ratios that G may put weight on: those seen, and some between.

    Args:
        cells: The counts.
        valid: Ratio of a model that is right but for its invalid replies.
    """
    seen = np.unique(np.round(cells.count / cells.expected, 9))
    if len(seen) > _ATOMS:
        seen = np.quantile(seen, np.linspace(0.0, 1.0, _ATOMS))
    between = np.linspace(0.0, np.sqrt(seen[-1]), _ATOMS // 2) ** 2
    return np.unique(np.concatenate([seen, between, [valid]]))


def fit_mixture(cells: Cells, ratios: FloatArray) -> Fit:
    """Fit G on the grid to each sample, by a fixed number of multiplicative steps."""
    mean = cells.expected[:, None] * ratios
    nats = xlogy(cells.count[:, None], mean) - mean
    likelihood = np.exp(nats - nats.max(axis=1, keepdims=True))
    size = cells.size / cells.size.sum(axis=1, keepdims=True)
    weights = np.full((len(size), len(ratios)), 1.0 / len(ratios))
    for _ in range(_STEPS):
        gradient = (size / (weights @ likelihood.T)) @ likelihood
        weights = weights * gradient**_EXPONENT
        weights /= weights.sum(axis=1, keepdims=True)
    return Fit(ratios=ratios, weights=weights, likelihood=likelihood, cells=cells)
