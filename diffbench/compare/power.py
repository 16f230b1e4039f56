"""What a comparison of replies could have seen, and how many replies would settle it."""

from __future__ import annotations

from math import ceil, isfinite

from scipy.special import ndtri

from diffbench.compare.intervals import Estimate

__all__ = ["POWER", "replies_needed", "smallest_difference"]

POWER = 0.8
"""Chance, at least, of seeing the smallest difference, and of settling with the replies
named."""

# A little more is planned for, since the width of an interval varies between draws.
_PLANNED = 0.85
_MOST = 10_000_000


def smallest_difference(gain: Estimate, *, level: float, margin: float) -> float:
    """Return the damage that would be found with a chance of POWER at least.

    margin + w (1 + z(0.85) / z(level)), w from the gain to its upper limit: to be found,
    the whole interval has to lie beyond the margin.

    Args:
        gain: The gain, with an interval of that level.
        level: Confidence level, two-sided, in (0, 1).
        margin: Damage that does not matter.
    """
    return margin + _with_power(gain.hi - gain.value, level)


def replies_needed(
    gain: Estimate,
    *,
    level: float,
    margin: float,
    n_before: int | None,
    n_after: int | None,
) -> int | None:
    """Return replies a prompt, in each sampled run, that would settle the question.

    The half-width shrinks as one over the root of the number; with a chance of POWER it
    has to fit between the gain and the nearer margin.

    Returns:
        The number, or None where it is above ten million or the gain lies on a margin.
    """
    room = abs(abs(gain.value) - margin)
    width = _with_power(max(gain.hi - gain.value, gain.value - gain.lo), level)
    counts = [n for n in (n_before, n_after) if n]
    at_hand = len(counts) / sum(1 / n for n in counts) if counts else 0.0
    if room == 0 or not isfinite(width / room):
        return None
    needed = at_hand * (width / room) ** 2
    return ceil(needed) if needed <= _MOST else None


def _with_power(width: float, level: float) -> float:
    quantile = float(ndtri((1 + level) / 2))
    return width * (1 + float(ndtri(_PLANNED)) / quantile)
