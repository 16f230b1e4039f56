"""What the order of a run's replies says of their independence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from diffbench.metrics import Neighbours, expected_neighbours, repeats_p
from diffbench.results.biographies import BiographyPrompt, BiographyResult
from diffbench.results.schema import Independence, PromptResult, TaskResult

__all__ = ["LEAST_CHANCE", "with_order"]

LEAST_CHANCE: Final = 1e-3
"""Chance of so many equal neighbours below which independence is not shown."""


def with_order(
    found: Independence,
    tasks: Sequence[TaskResult],
    biographies: Sequence[BiographyResult] = (),
) -> Independence:
    """Return the verdict with what the order of replies adds to it.

    Where neighbours are equal more often than chance explains, or a reply came under the
    id of an earlier one, the verdict is `unproven`.
    """
    prompts: list[PromptResult | BiographyPrompt] = [
        *(prompt for task in tasks for prompt in task.prompts),
        *(prompt for task in biographies for prompt in task.prompts),
    ]
    ordered = [prompt for prompt in prompts if prompt.equal_neighbours is not None]
    seen = [prompt.equal_neighbours or 0 for prompt in ordered]
    laws = [_law(prompt) for prompt in ordered]
    chance = repeats_p(seen, laws)
    doubted = found.repeated_ids > 0 or (chance is not None and chance < LEAST_CHANCE)
    return found.model_copy(
        update={
            "verdict": "unproven" if doubted else found.verdict,
            "equal_neighbours": sum(seen) if ordered else None,
            "expected_neighbours": math.fsum(one.mean for one in laws) if ordered else None,
            "repeats_p": chance,
        }
    )


def _law(prompt: PromptResult | BiographyPrompt) -> Neighbours:
    if isinstance(prompt, BiographyPrompt):
        return expected_neighbours(prompt.counts)
    kinds = [int(n) for n in prompt.invalid.values()]
    return expected_neighbours([*(prompt.counts or []), *kinds])
