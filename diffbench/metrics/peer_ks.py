"""KS@N as UnpredictaBench defines it, for comparison, and how lenient it is.

A problem passes if a two-sample Kolmogorov-Smirnov test of N model replies against 10,000
reference draws has p >= 1e-4. Invalid replies are drawn again there, so only valid ones
count. There p is calibrated by permutation of the pooled sample; here by draws of both
samples from the target, which the pool approaches, so that one simulation serves all
prompts of a target.

Reference:
    UnpredictaBench (arXiv 2606.06622), section on KS@N.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from diffbench.metrics.checks import FloatArray, IntArray, as_counts
from diffbench.metrics.seeds import content_seed

__all__ = ["PEER_DRAWS", "PeerKs", "peer_ks"]

PEER_DRAWS: Final = 100
"""The N that results of that benchmark are usually given for."""

_REFERENCE: Final = 10_000
_ALPHA: Final = 1e-4
_NULL_DRAWS: Final = 40_000
_TRIED: Final = 1000
_SHARING: Final = 20
_SPIKE: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerKs:
    """KS@100 of one prompt.

    Attributes:
        passes: Share of subsets of 100 valid replies that pass.
        lenient: Share of samples that pass if a fifth of the mass is moved onto the
            median outcome.
        lenient_overlap: The overlap of that model, which the test is to tell from 1.
    """

    passes: float
    lenient: float
    lenient_overlap: float


def peer_ks(
    p: npt.ArrayLike, counts: npt.ArrayLike, values: npt.ArrayLike
) -> PeerKs | None:
    """Return KS@100 of ordered outcomes, or None for fewer than 100 valid replies.

    Args:
        p: Shape (K,), target probabilities, summing to 1.
        counts: Shape (K,), how often each outcome was drawn.
        values: Shape (K,), the number or position of each outcome.
    """
    points = np.asarray(values, dtype=np.float64)
    order = np.argsort(points, kind="stable")
    law = np.asarray(p, dtype=np.float64)[order]
    drawn = as_counts(counts, size=law.size)[order]
    ends = np.append(np.diff(points[order]) > 0, False)
    if drawn.sum() < PEER_DRAWS or not ends.any():
        return None
    critical, lenient, overlap = _calibrated(law.tobytes(), ends.tobytes())
    rng = np.random.default_rng(content_seed("peer", law, drawn))
    subsets = rng.multivariate_hypergeometric(
        drawn, PEER_DRAWS, size=_TRIED, method="marginals"
    )
    distance = _distances(rng, law, ends, subsets)
    return PeerKs(
        passes=float((distance <= critical).mean()),
        lenient=lenient,
        lenient_overlap=overlap,
    )


@lru_cache(maxsize=128)
def _calibrated(law: bytes, ends: bytes) -> tuple[float, float, float]:
    """Return the largest distance that passes, and how often a spiked model does."""
    p, points = np.frombuffer(law), np.frombuffer(ends, dtype=np.bool_)
    rng = np.random.default_rng(content_seed("peer null", p))
    null = [
        _distances(rng, p, points, rng.multinomial(PEER_DRAWS, p, size=_NULL_DRAWS // 8))
        for _ in range(8)
    ]
    # p = (1 + #{null >= D}) / (1 + B) >= alpha, D at most the fourth largest of 40,000.
    ranked = np.sort(np.concatenate(null))[::-1]
    critical = float(ranked[int(np.ceil(_ALPHA * (1 + _NULL_DRAWS))) - 2])
    spiked = (1.0 - _SPIKE) * p
    spiked[int(np.searchsorted(np.cumsum(p), 0.5))] += _SPIKE
    tried = _distances(rng, p, points, rng.multinomial(PEER_DRAWS, spiked, size=_TRIED))
    return critical, float((tried <= critical).mean()), float(np.minimum(p, spiked).sum())


def _distances(
    rng: np.random.Generator, law: FloatArray, ends: npt.NDArray[np.bool_], counts: IntArray
) -> FloatArray:
    # A reference serves several samples: it scatters a tenth as much as they do.
    n_references = -(-len(counts) // _SHARING)
    reference = rng.multinomial(_REFERENCE, law, size=n_references) / _REFERENCE
    reference = np.repeat(reference, _SHARING, axis=0)[: len(counts)]
    gap = np.abs(np.cumsum(counts / PEER_DRAWS - reference, axis=1))
    # A gap of rounding is none.
    return np.asarray(np.round((gap * ends).max(axis=1), 9))
