"""A task's distribution for people: over- and under-drawn, sorted, said instead."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from diffbench.errors import printable
from diffbench.metrics import FloatArray
from diffbench.results import TaskResult
from diffbench.results.distribution import mean_distribution

__all__ = [
    "Instead",
    "OutcomeRow",
    "curve_rows",
    "distribution_of",
    "drawn_rows",
    "said_instead",
    "target_of",
]

Number = TypeVar("Number", int, float)

_SHOWN = 5
_REPLIES = 6
_REPLY = 240
_CURVE_RANKS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """An outcome: asked, drawn by the base (if it stands beside), drawn by the model."""

    outcome: str
    asked: float
    base: float | None
    own: float
    times: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What the model says instead of a valid answer.

    Attributes:
        mass: Share of invalid replies, mean over prompts.
        replies: The commonest, each with its share or count in words.
        kinds: Numbers of replies of each invalid kind, where replies were drawn.
        source: How they were found, in words.
    """

    mass: float
    replies: Sequence[tuple[str, str]]
    kinds: Sequence[tuple[str, str]]
    source: str


def target_of(task: TaskResult) -> FloatArray:
    """Return (K,): the share of all replies that is asked for each listed outcome."""
    p = np.asarray(task.target.probabilities, dtype=np.float64)
    return np.asarray(p / p.sum() * task.target.listed_mass, dtype=np.float64)


def distribution_of(task: TaskResult) -> FloatArray:
    """Return (K,): the model's probability of each outcome, mean over prompts."""
    return mean_distribution(task)


def drawn_rows(
    task: TaskResult, target: FloatArray, own: FloatArray, base: FloatArray | None
) -> tuple[list[OutcomeRow], list[OutcomeRow]]:
    """Return the outcomes that are drawn most too often, and most too seldom."""
    excess = own - target
    order = np.argsort(-excess, kind="stable")
    over = [int(i) for i in order[:_SHOWN] if excess[i] > 0]
    under = [int(i) for i in order[::-1][:_SHOWN] if excess[i] < 0]
    both = ([_row(task, target, own, base, i) for i in found] for found in (over, under))
    first, second = both
    return first, second


def _row(
    task: TaskResult, asked: FloatArray, own: FloatArray, base: FloatArray | None, i: int
) -> OutcomeRow:
    ratio = float(own[i] / asked[i]) if asked[i] > 0 else None
    return OutcomeRow(
        outcome=printable(task.target.outcomes[i], 80),
        asked=float(asked[i]),
        base=None if base is None else float(base[i]),
        own=float(own[i]),
        times=_times(ratio),
    )


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "never asked"
    if ratio >= 9.95:
        return f"{ratio:,.0f} ×"
    if ratio >= 0.095:
        return f"{ratio:.1f} ×"
    if ratio == 0:
        return "never"
    return f"1/{1 / ratio:,.0f} ×" if ratio >= 1e-3 else "< 1/1,000 ×"


def curve_rows(
    target: FloatArray, own: FloatArray, base: FloatArray | None
) -> list[tuple[int, str, str, str]]:
    """Return the sorted curve at some ranks: rank, asked, base, own."""
    size = len(target)
    ranks = [rank for rank in _CURVE_RANKS if rank < size] + [size]
    columns = [np.sort(one)[::-1] for one in (target, own)]
    first = None if base is None else np.sort(base)[::-1]
    return [
        (
            rank,
            _share(columns[0][rank - 1]),
            "" if first is None else _share(first[rank - 1]),
            _share(columns[1][rank - 1]),
        )
        for rank in ranks
    ]


def _share(value: float) -> str:
    return f"{value:.3%}" if value >= 1e-5 else "0" if value == 0 else f"{value:.0e}"


def said_instead(task: TaskResult) -> Instead:
    """Return the invalid replies that a run knows of, over all prompts of a task."""
    mass = 1.0 - float(mean_distribution(task).sum())
    explored: defaultdict[str, float] = defaultdict(float)
    drawn: Counter[str] = Counter()
    n_drawn = 0
    for prompt in task.prompts:
        if prompt.exploration is not None:
            for found in prompt.exploration.invalid_replies:
                text = found.reply + ("…" if found.is_open else "")
                explored[text] += found.probability / len(task.prompts)
        if prompt.probe is not None:
            n_drawn += prompt.probe.n
            for common in prompt.probe.commonest_invalid:
                drawn[common.reply] += common.count
        if prompt.commonest_invalid is not None:
            n_drawn += sum(prompt.counts or []) + int(sum(prompt.invalid.values()))
            for common in prompt.commonest_invalid:
                drawn[common.reply] += common.count
    sampled = task.estimator == "sampled"
    kinds: Counter[str] = Counter()
    if sampled:
        for prompt in task.prompts:
            kinds.update({kind: int(n) for kind, n in prompt.invalid.items() if n})
    if explored:
        replies = [(text, f"{share:.2%}") for text, share in _most(explored)]
        source = "by expansion of the tree of replies"
    else:
        replies = [(text, f"{n:,} of {n_drawn:,}") for text, n in _most(drawn)]
        source = f"among {n_drawn:,} replies" + (
            "" if sampled else " that were drawn to see"
        )
    return Instead(
        mass=max(0.0, mass),
        replies=[(printable(text, _REPLY), share) for text, share in replies],
        kinds=[
            (printable(kind.replace("_", " "), 40), f"{n:,}") for kind, n in _most(kinds)
        ],
        source=source,
    )


def _most(counts: Mapping[str, Number]) -> list[tuple[str, Number]]:
    """Return the commonest, ties by text, so that the order is the same everywhere."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_REPLIES]
