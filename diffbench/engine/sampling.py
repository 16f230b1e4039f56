"""N independent replies for the price of their distinct prefixes.

A frontier holds the distinct prefixes drawn so far, each with the number of replies
that begin with it. At each step that number is split over the next token by independent
draws. The joint law of the counts is exactly that of N independent replies. The random
numbers of a prefix depend on the seed, the prompt and the prefix alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.decoding import Decoding
from diffbench.errors import ModelError

__all__ = ["SampledReply", "Sampler"]

_NEUTRAL = Decoding()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledReply:
    """One distinct reply.

    Attributes:
        tokens: Its token ids, the end token (if one came) not included.
        count: How many of the N replies it is.
    """

    tokens: tuple[int, ...]
    count: int


@dataclass(slots=True)
class _Frontier:
    """Distinct prefixes of one length, and the model's cache for them, if kept."""

    prefixes: list[tuple[int, ...]]
    counts: list[int]
    cache: Any = None


class Sampler:
    """Draws replies.

    Args:
        model: A causal language model in evaluation mode.
        stops: (V,) tokens that complete a reply and belong to it.
        ends: Token ids that end a reply without belonging to it.
        max_rows: Most distinct prefixes in one forward pass.
        decoding: Temperature and cut-offs of every draw.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        stops: NDArray[np.bool_],
        ends: Sequence[int],
        max_rows: int = 128,
        decoding: Decoding = _NEUTRAL,
    ) -> None:
        self._model = model
        self._decoding = decoding
        self._stops = stops
        self._ends = frozenset(ends)
        self._max_rows = max_rows

    @torch.inference_mode()
    def sample(
        self, prompt: Sequence[int], n: int, *, max_new_tokens: int, seed: int
    ) -> list[SampledReply]:
        """Draw n replies; returns the distinct ones, their counts summing to n."""
        key = _digest(seed, prompt)
        waiting = [_Frontier([()], [n])]
        found: dict[tuple[int, ...], int] = {}
        while waiting:
            frontier = waiting.pop()
            probabilities = self._next_token(prompt, frontier)
            grown, parents = _Frontier([], []), []
            for row, (prefix, count) in enumerate(
                zip(frontier.prefixes, frontier.counts, strict=True)
            ):
                for token, drawn in _split(probabilities[row], count, key, prefix):
                    reply = prefix if token in self._ends else (*prefix, token)
                    if self._is_complete(token, len(prefix) + 1, max_new_tokens):
                        found[reply] = found.get(reply, 0) + drawn
                        continue
                    grown.prefixes.append(reply)
                    grown.counts.append(drawn)
                    parents.append(row)
            waiting += self._in_pieces(grown, parents, frontier.cache)
        return [SampledReply(tokens=t, count=c) for t, c in sorted(found.items())]

    def _is_complete(self, token: int, length: int, max_new_tokens: int) -> bool:
        return token in self._ends or bool(self._stops[token]) or length >= max_new_tokens

    def _next_token(
        self, prompt: Sequence[int], frontier: _Frontier
    ) -> NDArray[np.float64]:
        """Return next-token probabilities (rows, V) and leave a cache if there is one."""
        if frontier.cache is None:
            rows = [[*prompt, *prefix] for prefix in frontier.prefixes]
        else:
            rows = [[prefix[-1]] for prefix in frontier.prefixes]
        output = self._model(
            input_ids=torch.tensor(rows, device=self._model.device),
            past_key_values=frontier.cache,
            use_cache=True,
        )
        cache = getattr(output, "past_key_values", None)
        frontier.cache = cache if hasattr(cache, "reorder_cache") else None
        log_p = self._decoding.log_probabilities(output.logits[:, -1].double())
        probabilities = log_p.exp().cpu().numpy()
        if not np.isfinite(probabilities).all():
            raise ModelError(
                "the model's probabilities are not finite numbers; its weights may be "
                "damaged, or --dtype float32 may help"
            )
        return np.asarray(probabilities)

    def _in_pieces(
        self, grown: _Frontier, parents: list[int], cache: Any
    ) -> list[_Frontier]:
        if not grown.prefixes:
            return []
        if len(grown.prefixes) <= self._max_rows:
            if cache is not None:
                cache.reorder_cache(torch.tensor(parents, device=self._model.device))
                grown.cache = cache
            return [grown]
        # Pieces that wait keep no cache, so memory stays that of one piece.
        return [
            _Frontier(
                grown.prefixes[start : start + self._max_rows],
                grown.counts[start : start + self._max_rows],
            )
            for start in range(0, len(grown.prefixes), self._max_rows)
        ]


def _digest(seed: int, prompt: Sequence[int]) -> bytes:
    content = np.array([seed, *prompt], dtype=np.int64).tobytes()
    return hashlib.blake2b(content, digest_size=16).digest()


def _split(
    probabilities: NDArray[np.float64], count: int, key: bytes, prefix: tuple[int, ...]
) -> list[tuple[int, int]]:
    content = np.array(prefix, dtype=np.int64).tobytes()
    digest = hashlib.blake2b(content, key=key, digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    cumulative = np.cumsum(probabilities)
    draws = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    tokens, counts = np.unique(draws, return_counts=True)
    return list(zip(tokens.tolist(), counts.tolist(), strict=True))
