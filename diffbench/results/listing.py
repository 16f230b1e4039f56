"""Does an option gain by being listed first? Read from prompts that list their options."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from diffbench.results.schema import PromptResult

__all__ = ["first_option_preference"]

_LEAST_VALID = 0.01


def first_option_preference(
    outcomes: Sequence[str], prompts: Sequence[PromptResult]
) -> float | None:
    """Return how much likelier an option is where it is listed first than last, -1 to 1.

    For each option that stands first in some prompts of a task and last in others: its
    mean share of the valid replies where it is first, minus that where it is last; then
    the mean over these options. A model that heeds only the chances has 0, and so has one
    that always says the same word. One that takes the first has 1, one that takes the
    last -1.

    Args:
        outcomes: The task's K outcomes.
        prompts: Its prompts.

    Returns:
        None where no option stands in both places, or less than a hundredth of some
        prompt's replies are valid.

    Raises:
        ValueError: If a prompt lists what is no outcome.
    """
    first: dict[str, list[float]] = {}
    last: dict[str, list[float]] = {}
    for prompt in prompts:
        if prompt.listed is None:
            continue
        if sorted(prompt.listed) != sorted(outcomes):
            raise ValueError("the options listed are not the target's outcomes")
        masses = prompt.probabilities if prompt.counts is None else prompt.counts
        valid = sum(masses or [])
        if masses is None or valid < _LEAST_VALID * (valid + sum(prompt.invalid.values())):
            return None
        for places, option in ((first, prompt.listed[0]), (last, prompt.listed[-1])):
            share = masses[outcomes.index(option)] / valid
            places.setdefault(option, []).append(share)
    gains = [fmean(first[one]) - fmean(last[one]) for one in first if one in last]
    return fmean(gains) if gains else None
