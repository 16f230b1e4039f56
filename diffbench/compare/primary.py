"""Two measurements compared on the primary metric of every task."""

from __future__ import annotations

from diffbench.compare.judge import judge
from diffbench.compare.measurement import Measurement
from diffbench.compare.pairing import pair_tasks
from diffbench.compare.permutation import RESAMPLES
from diffbench.compare.question import DEFAULT_MARGIN, Question
from diffbench.compare.verdict import Verdicts, overall_verdict
from diffbench.errors import SettingsError
from diffbench.metrics import PRIMARY_METRIC

__all__ = ["DEFAULT_ALPHA", "compare_measurements"]

DEFAULT_ALPHA = 0.05


def compare_measurements(
    before: Measurement,
    after: Measurement,
    *,
    alpha: float = DEFAULT_ALPHA,
    margin: float = DEFAULT_MARGIN,
    resamples: int = RESAMPLES,
) -> Verdicts:
    """Return a verdict for each task of either measurement, and one for all.

    Args:
        before: The first.
        after: The second.
        alpha: Chance of any false `worse` or `improved` on replies, at most.
        margin: Difference of values from replies that does not matter; exact values
            have the tolerance of their precision instead.
        resamples: Dealings of the permutation test.

    Raises:
        SettingsError: If alpha or margin is out of range.
    """
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha is {alpha}; it must be above 0 and below 1")
    if not 0 <= margin < 1:
        raise SettingsError(f"margin is {margin}; it must be 0 or more, below 1")
    questions = [
        Question(task=pair.task.name, metric=PRIMARY_METRIC, better="higher", margin=margin)
        for pair in pair_tasks(before, after)
    ]
    tasks = judge(before, after, questions, alpha=alpha, resamples=resamples)
    return Verdicts(overall=overall_verdict(tasks), alpha=alpha, tasks=tasks)
