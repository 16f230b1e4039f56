"""How far a mean, a change and a rank depend on which tasks and wordings were asked.

Within each family the tasks are drawn again with replacement, and within each drawn task
its wordings; the same draws for every run, so that differences are paired. Values that
rest on replies get their own noise on top. Below ten prompts nothing is resampled.

The rank interval is that of the ranks over these draws (Goldstein and Spiegelhalter 1996,
J. R. Stat. Soc. A 159, section 2.3); runs that differ by no more than rounding share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffbench.metrics import PRIMARY_METRIC, FloatArray
from diffbench.site.runs import Run
from diffbench.site.scope import Scope, prompt_rows

__all__ = ["LEAST_PROMPTS", "LEVEL", "RESAMPLES", "Ranked", "Ranking", "rank_runs"]

LEAST_PROMPTS = 10
LEVEL = 0.95
RESAMPLES = 1000
SAME = 5e-4
"""Values this near are shown as one number and share a rank."""

_SEED = 20240410


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Where a run stands.

    Attributes:
        rank: 1 plus the number of runs that are better by more than `SAME`.
        lo: The best rank of the interval.
        hi: The worst.
        tied: Whether another run has the same value.
    """

    rank: int
    lo: int
    hi: int
    tied: bool


class Ranking:
    """The ranks and resampled means of one scope's complete runs.

    Args:
        runs: The runs.
        means: Shape (runs,): their means.
        draws: Shape (runs, RESAMPLES), the resampled means; None below ten prompts.
    """

    def __init__(
        self, runs: Sequence[Run], means: FloatArray, draws: FloatArray | None
    ) -> None:
        self._rows = {run.slug: row for row, run in enumerate(runs)}
        self._means = means
        self._draws = draws
        self._ranks = _ranks(means, draws)

    def rank(self, run: Run) -> Ranked | None:
        """Return where a run stands; None if it is not ranked."""
        row = self._rows.get(run.slug)
        return None if row is None else self._ranks[row]

    def change_interval(self, base: Run, tuned: Run) -> tuple[float, float] | None:
        """Return where the change of the mean lies over other tasks and wordings."""
        rows = self._rows.get(base.slug), self._rows.get(tuned.slug)
        if self._draws is None or rows[0] is None or rows[1] is None:
            return None
        lo, hi = _bounds(self._draws[rows[1]] - self._draws[rows[0]])
        return float(lo), float(hi)


def rank_runs(scope: Scope, runs: Sequence[Run]) -> Ranking:
    """Rank the runs that are complete in a scope by the mean of the primary metric."""
    complete = [run for run in runs if not scope.missing(run)]
    if not complete:
        return Ranking([], np.empty(0), None)
    values, errors = prompt_rows(scope, complete, PRIMARY_METRIC)
    known = np.asarray(~np.isnan(values).any(axis=1), dtype=np.bool_)
    complete = [run for run, ok in zip(complete, known, strict=True) if ok]
    values, errors = values[known], errors[known]
    sizes = [len(complete[0].tasks[q].prompts) for q in scope.questions] if complete else []
    means = values @ _weights(scope, sizes, None) if complete else np.empty(0)
    if not complete or sum(sizes) < LEAST_PROMPTS:
        return Ranking(complete, means, None)
    rng = np.random.default_rng(_SEED)
    weights = np.stack([_weights(scope, sizes, rng) for _ in range(RESAMPLES)], axis=1)
    draws = values @ weights
    if errors.any():
        draws = draws + rng.standard_normal(draws.shape) * np.sqrt(errors**2 @ weights**2)
    return Ranking(complete, means, draws)


def _weights(
    scope: Scope, sizes: Sequence[int], rng: np.random.Generator | None
) -> FloatArray:
    """Return (prompts,): the weight of each in the mean, of one draw or as they are."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weights = np.zeros(int(starts[-1]))
    families = list(dict.fromkeys(scope.families))
    for family in families:
        members = [i for i, name in enumerate(scope.families) if name == family]
        chosen = members if rng is None else rng.choice(members, size=len(members))
        for task in chosen:
            size = sizes[task]
            drawn = np.arange(size) if rng is None else rng.integers(size, size=size)
            share = 1 / (len(families) * len(members) * size)
            np.add.at(weights, starts[task] + drawn, share)
    return weights


def _ranks(means: FloatArray, draws: FloatArray | None) -> list[Ranked]:
    n = len(means)
    if n == 0:
        return []
    best, worst = _places(means[:, None])
    lo, hi = best[:, 0], worst[:, 0]
    if draws is not None:
        bests, worsts = _places(draws)
        tail = (1 - LEVEL) / 2
        lo = np.quantile(bests, tail, axis=1, method="lower")
        hi = np.quantile(worsts, 1 - tail, axis=1, method="higher")
    return [
        Ranked(
            rank=int(best[i, 0]),
            lo=min(int(lo[i]), int(best[i, 0])),
            hi=max(int(hi[i]), int(worst[i, 0])),
            tied=bool(worst[i, 0] > best[i, 0]),
        )
        for i in range(n)
    ]


def _places(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the best and the worst place of each row in each column, ties included."""
    best, worst = np.empty_like(columns), np.empty_like(columns)
    for j in range(columns.shape[1]):
        ordered = np.sort(columns[:, j])
        above = np.searchsorted(ordered, columns[:, j] + SAME, side="right")
        from_here = np.searchsorted(ordered, columns[:, j] - SAME, side="left")
        best[:, j] = 1 + len(ordered) - above
        worst[:, j] = len(ordered) - from_here
    return best, worst


def _bounds(draws: FloatArray) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(draws, [tail, 1 - tail])
    return float(lo), float(hi)
