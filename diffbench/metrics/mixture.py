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

__all__ = ["Cells", "Fit", "fit_counts"]

_STEPS: Final = 400
# An exponent below 2 keeps multiplicative steps convergent, at twice the speed.
_EXPONENT: Final = 1.9
_ATOMS: Final = 40
# Targets that differ by less than this share of a count's own scatter are one.
_SAME: Final = 0.5

# A likelihood below it is 0, as its power is: arithmetic on the edge of underflow is slow.
_NEGLIGIBLE: Final = 1e-180

# Instead of 0, where a cell that one sample lacks is impossible under its weights.
_LEAST: Final = 1e-300


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
        evidence: (B, C) of each cell's count under G, up to the same factor.
        cells: What was fitted to.
    """

    ratios: FloatArray
    weights: FloatArray
    likelihood: FloatArray
    evidence: FloatArray
    cells: Cells

    def mean(self, values: FloatArray, factors: FloatArray | None = None) -> FloatArray:
        """Return (B,): sum_k p[k] factor_k E[value(r_k) | count_k].

        Args:
            values: (B, A) or (A,) on the grid of ratios.
            factors: (B, C) a factor for each cell; 1 if None.
        """
        found = (self.weights * values) @ self.likelihood.T / self.evidence
        share = self.cells.share if factors is None else self.cells.share * factors
        return np.asarray((share * found).sum(axis=1))

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return (n, K): ratios of each outcome given its count in the first sample."""
        joint = self.weights[0] * self.likelihood
        upper = np.cumsum(joint, axis=1) / joint.sum(axis=1, keepdims=True)
        # The last bound is 1 but for rounding, and no draw may pass it.
        below = upper[self.cells.place[0]][:, :-1]
        uniform = rng.random((n, len(below), 1))
        drawn = np.stack([(below < one).sum(axis=1) for one in uniform])
        return np.asarray(self.ratios[drawn])


def fit_counts(p: FloatArray, expected: FloatArray, counts: IntArray) -> Fit:
    """Fit G to each of B samples.

    Args:
        p: (K,) target probabilities, each above 0.
        expected: (K,) counts that the target expects, N m p.
        counts: (B, K) counts.
    """
    cells = _cells(p, expected, counts)
    # The ratio of a model that is right but for its invalid replies.
    valid = float(counts.sum() / (expected.sum() * len(counts)))
    ratios = _grid(cells, valid)
    mean = cells.expected[:, None] * ratios
    nats = xlogy(cells.count[:, None], mean) - mean
    likelihood = np.exp(nats - nats.max(axis=1, keepdims=True))
    likelihood[likelihood < _NEGLIGIBLE] = 0.0
    weights = _weights(cells.size, likelihood)
    return Fit(
        ratios=ratios,
        weights=weights,
        likelihood=likelihood,
        evidence=np.maximum(weights @ likelihood.T, _LEAST),
        cells=cells,
    )


def _cells(p: FloatArray, expected: FloatArray, counts: IntArray) -> Cells:
    step = _SAME / np.sqrt(np.maximum(counts, 1))
    # Rounded twice, so that another platform's log finds the same cells.
    level = np.round(np.round(np.log(expected), 9) / step).astype(np.int64)
    keys = np.stack([counts.ravel(), level.ravel()], axis=1)
    unique, place = np.unique(keys, axis=0, return_inverse=True)
    n_samples, n_cells = len(counts), len(unique)
    place = place.reshape(counts.shape)
    flat = (place + n_cells * np.arange(n_samples)[:, None]).ravel()

    def add(values: FloatArray) -> FloatArray:
        repeated = np.broadcast_to(values, counts.shape).ravel()
        found = np.bincount(flat, weights=repeated, minlength=n_samples * n_cells)
        return np.asarray(found.reshape(n_samples, n_cells), dtype=np.float64)

    size = add(np.ones(len(p)))
    return Cells(
        expected=add(expected).sum(axis=0) / size.sum(axis=0),
        count=unique[:, 0].astype(np.float64),
        size=size,
        share=add(p),
        place=np.asarray(place, dtype=np.int64),
    )


def _grid(cells: Cells, valid: float) -> FloatArray:
    """Return the ratios that G may put weight on: those seen, and some between."""
    seen = np.unique(np.round(cells.count / cells.expected, 9))
    if len(seen) > _ATOMS:
        seen = np.quantile(seen, np.linspace(0.0, 1.0, _ATOMS))
    # Down to a tenth of a reply, since a collapsed model leaves most outcomes so few.
    least = 0.1 / float(cells.expected.max())
    between = np.geomspace(least, max(float(seen[-1]), 2.0 * least), _ATOMS // 2)
    return np.unique(np.concatenate([[0.0], seen, between, [valid]]))


def _weights(size: FloatArray, likelihood: FloatArray) -> FloatArray:
    """Raise the likelihood by a fixed number of multiplicative steps, (B, A)."""
    share = size / size.sum(axis=1, keepdims=True)
    n_atoms = likelihood.shape[1]
    weights = np.full((len(size), n_atoms), 1.0 / n_atoms)
    for _ in range(_STEPS):
        evidence = np.maximum(weights @ likelihood.T, _LEAST)
        gradient = (share / evidence) @ likelihood
        weights = weights * gradient**_EXPONENT
        weights /= weights.sum(axis=1, keepdims=True)
    return weights
