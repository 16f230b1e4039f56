"""What a tuned model's page begins with: a sentence a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from diffbench.compare import MetricVerdict
from diffbench.site.display import Word, overall_word, tally
from diffbench.site.suites import SUITE_TITLES, SUITES, suite_of

__all__ = ["Headline", "make_headlines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """Means before and after, over the tasks of a suite that both measured alike.

    Attributes:
        suite: Its title.
        before: Mean of the base: tasks to family, families with equal weight.
        after: That of the tuned model.
        n: Number of these tasks.
        word: The word for the suite, over all of its tasks.
        tally: How many tasks had which word.
    """

    suite: str
    before: float
    after: float
    n: int
    word: Word
    tally: str


def make_headlines(verdicts: Sequence[MetricVerdict]) -> list[Headline]:
    """Return the headline of each suite of which both runs measured something alike."""
    found = []
    for suite in SUITES:
        mine = [one for one in verdicts if suite_of(one.task) == suite]
        pairs = [
            (one.family, one.before, one.after)
            for one in mine
            if one.before is not None and one.after is not None
        ]
        if pairs:
            found.append(
                Headline(
                    suite=SUITE_TITLES[suite],
                    before=_family_mean([(family, value) for family, value, _ in pairs]),
                    after=_family_mean([(family, value) for family, _, value in pairs]),
                    n=len(pairs),
                    word=overall_word(mine),
                    tally=tally(mine),
                )
            )
    return found


def _family_mean(values: Sequence[tuple[str, float]]) -> float:
    families: dict[str, list[float]] = {}
    for family, value in values:
        families.setdefault(family, []).append(value)
    return fmean(fmean(members) for members in families.values())
