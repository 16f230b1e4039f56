"""How often the comparison is wrong, by simulation of the code that users run.

A prompt with four outcomes, invalid replies among them; every repetition draws both
runs anew. Bounds leave room for three standard errors of the simulation itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pytest

from diffbench.compare import MetricVerdict, compare_measurements
from diffbench.metrics import FloatArray, TargetArrays
from tests.compare.measured import drawn, measured

pytestmark = pytest.mark.slow

REPETITIONS = 2000
ALPHA = 0.05
TARGET = TargetArrays(p=np.full(4, 0.25))
FAIR = np.array([0.24, 0.24, 0.24, 0.24, 0.04])
LEANING = np.array([0.50, 0.22, 0.14, 0.10, 0.04])


@dataclass(frozen=True)
class Rates:
    """What came of all repetitions."""

    words: Counter[str]
    verdicts: list[MetricVerdict]

    def share(self, word: str) -> float:
        return self.words[word] / len(self.verdicts)


def _simulate(
    before: FloatArray,
    after: FloatArray,
    n: tuple[int, int],
    margin: float,
    repetitions: int = REPETITIONS,
) -> Rates:
    rng = np.random.default_rng(0)
    words: Counter[str] = Counter()
    verdicts = []
    for _ in range(repetitions):
        (found,) = compare_measurements(
            measured(drawn(TARGET, rng.multinomial(n[0], before))),
            measured(drawn(TARGET, rng.multinomial(n[1], after))),
            alpha=ALPHA,
            margin=margin,
            resamples=399,
        ).tasks
        words[found.verdict] += 1
        verdicts.append(found)
    return Rates(words=words, verdicts=verdicts)


def _at_most(rate: float, repetitions: int = REPETITIONS) -> float:
    return rate + 3 * sqrt(rate * (1 - rate) / repetitions)


def _overlap(q: FloatArray) -> float:
    return float(np.minimum(TARGET.p, q[:-1]).sum())


@pytest.mark.parametrize(
    ("law", "n"),
    [(FAIR, (200, 200)), (FAIR, (60, 400)), (LEANING, (400, 60))],
    ids=["fair", "fair, other N", "leaning, other N"],
)
def test_equal_models_are_rarely_called_worse(law: FloatArray, n: tuple[int, int]) -> None:
    """No margin at all: the hardest case."""
    rates = _simulate(law, law, n, margin=0.0)
    false = rates.share("worse") + rates.share("improved")
    assert false <= _at_most(ALPHA)
    significant = np.mean([one.p_value < ALPHA for one in rates.verdicts if one.p_value])
    assert significant <= _at_most(ALPHA)


def test_the_stated_smallest_difference_is_seen_four_times_in_five() -> None:
    """Take the loss that comparisons of equal models name; then make it."""
    margin, n = 0.02, (300, 600)
    same = _simulate(LEANING, LEANING, n, margin, repetitions=50)
    loss = float(np.mean([one.smallest_difference for one in same.verdicts]))
    worse = LEANING + loss * np.array([1, -0.5, -0.3, -0.2, 0])
    assert _overlap(LEANING) - _overlap(worse) == pytest.approx(loss)
    rates = _simulate(LEANING, worse, n, margin)
    assert rates.share("worse") >= 0.8 - 3 * sqrt(0.16 / REPETITIONS)


def test_a_loss_on_the_margin_rarely_passes_and_rarely_blocks() -> None:
    """And the interval of the change covers it."""
    margin, n = 0.10, (300, 900)
    worse = LEANING + margin * np.array([1, -0.5, -0.3, -0.2, 0])
    rates = _simulate(LEANING, worse, n, margin)
    assert rates.share("worse") <= _at_most(ALPHA)
    passed = np.mean([one.not_worse for one in rates.verdicts])
    assert passed <= _at_most(ALPHA)
    true = _overlap(worse) - _overlap(LEANING)
    covered = [
        one.interval.lo <= true <= one.interval.hi
        for one in rates.verdicts
        if one.interval is not None
    ]
    assert len(covered) == REPETITIONS
    assert np.mean(covered) >= 0.95 - 3 * sqrt(0.95 * 0.05 / REPETITIONS)
