"""What the engine is asked to score, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Continuation", "Scores", "ScoringRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Reply tokens to be scored.

    Attributes:
        tokens: At least one token id.
        closers: If not None, the last token may be any of these instead, and their
            probabilities are summed.
    """

    tokens: tuple[int, ...]
    closers: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRequest:
    """One prompt and all that may follow it.

    Attributes:
        prompt: At least one token id.
        continuations: At least one.
    """

    prompt: tuple[int, ...]
    continuations: Sequence[Continuation]

    @property
    def longest(self) -> int:
        """Tokens of the prompt with its longest continuation."""
        return len(self.prompt) + max(len(c.tokens) for c in self.continuations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of one request's n continuations under D decoding settings.

    Attributes:
        log_p: (D, n) natural log-probabilities.
        greedy: (n,) whether each is what always taking the likeliest token gives.
        row: Tokens of the longest row that the model saw for it.
        padding: Tokens in its rows that stand before the prompt.
        foreign: Most reply tokens in a row before one that does not go on from them.
        witnesses: Continuations of the longest row and of the most foreign tokens, those
            that lie farthest from the prompt among them: where a model reads a row
            wrongly, these are wrong.
        cached: Whether the row stood behind a prompt's keys and values.
    """

    log_p: NDArray[np.float64]
    greedy: NDArray[np.bool_]
    row: int
    padding: int
    foreign: int
    witnesses: tuple[int, ...]
    cached: bool
