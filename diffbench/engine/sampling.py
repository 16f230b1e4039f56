"""N independent replies for the price of their distinct prefixes.

A frontier holds the distinct prefixes drawn so far, each with the number of replies
that begin with it. At each step that number is split over the next token by independent
draws. The joint law of the counts is exactly that of N independent replies. The random
numbers of a prefix depend on the seed, the prompt, the settings and the prefix alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.cache import PromptCache
from diffbench.engine.decoding import Decoding
from diffbench.engine.forward import reply_logits
from diffbench.engine.memory import rows_that_fit
from diffbench.engine.trust import REFUSALS, tolerance
from diffbench.errors import ModelError

__all__ = ["SampledReply", "Sampler"]

_NEUTRAL = Decoding()
_COMPARED = 4


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
    """Distinct prefixes of one length, and the model's cache for them, if kept.

    Attributes:
        prefixes: Token ids of each.
        counts: How many replies begin with each.
        log_p: What the model said of each token of each, for the comparison.
    """

    prefixes: list[tuple[int, ...]]
    counts: list[int]
    log_p: list[tuple[float, ...]]
    cache: Any = None


@dataclass(slots=True)
class _Drawn:
    count: int
    log_p: tuple[float, ...]


class Sampler:
    """Draws replies.

    The model's cache is used where it gives what the model gives without it. That is
    compared for some of the longest replies so far; if it does not hold, all are drawn
    again without a cache, which takes longer.

    Args:
        model: A causal language model, or an encoder-decoder, in evaluation mode.
        is_complete: Says of reply tokens, the last one new, that nothing follows them.
        ends: Token ids that end a reply without belonging to it.
        max_rows: Most distinct prefixes in one forward pass; by default what fits memory.
        decoding: Temperature and cut-offs of every draw.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        is_complete: Callable[[Sequence[int]], bool],
        ends: Sequence[int],
        max_rows: int | None = None,
        decoding: Decoding = _NEUTRAL,
    ) -> None:
        self._model = model
        self._decoding = decoding
        self._is_complete = is_complete
        self._ends = frozenset(ends)
        self._max_rows = max_rows
        self._longest_compared = 0
        self._known: tuple[tuple[int, ...], PromptCache] | None = None
        self.uses_cache = not model.config.is_encoder_decoder
        """Whether the model's cache is used, as far as is known."""

    @torch.inference_mode()
    def sample(
        self, prompt: Sequence[int], n: int, *, max_new_tokens: int, seed: int
    ) -> list[SampledReply]:
        """Draw n replies; returns the distinct ones, their counts summing to n."""
        key = _digest(seed, prompt, self._decoding)
        found = self._draw_with_cache(prompt, n, max_new_tokens, key)
        if found is None:
            self.uses_cache = False
            found = self._draw(prompt, n, max_new_tokens, key)
        return [
            SampledReply(tokens=tokens, count=drawn.count)
            for tokens, drawn in sorted(found.items(), key=lambda item: item[0])
        ]

    def _draw_with_cache(
        self, prompt: Sequence[int], n: int, max_new_tokens: int, key: bytes
    ) -> dict[tuple[int, ...], _Drawn] | None:
        """Return the replies, or None where the cache refuses or is wrong."""
        if not self.uses_cache:
            return None
        try:
            found = self._draw(prompt, n, max_new_tokens, key)
        except torch.OutOfMemoryError:
            raise
        except (*REFUSALS, ModelError):
            return None
        # The model may have none, and is then asked without it already.
        if self.uses_cache and not self._cache_agrees(prompt, found):
            return None
        return found

    def _draw(
        self, prompt: Sequence[int], n: int, max_new_tokens: int, key: bytes
    ) -> dict[tuple[int, ...], _Drawn]:
        max_rows = self._max_rows or rows_that_fit(
            self._model, len(prompt) + max_new_tokens
        )
        waiting = [_Frontier([()], [n], [()])]
        found: dict[tuple[int, ...], _Drawn] = {}
        while waiting:
            frontier = waiting.pop()
            grown, parents = _Frontier([], [], []), []
            for row, token, count, log_p in self._next_tokens(prompt, frontier, key):
                prefix = frontier.prefixes[row]
                before = frontier.log_p[row]
                ended = token in self._ends
                reply = prefix if ended else (*prefix, token)
                said = before if ended else (*before, log_p)
                if ended or len(reply) >= max_new_tokens or self._is_complete(reply):
                    found.setdefault(reply, _Drawn(0, said)).count += count
                    continue
                grown.prefixes.append(reply)
                grown.counts.append(count)
                grown.log_p.append(said)
                parents.append(row)
            waiting += self._in_pieces(grown, parents, frontier.cache, max_rows)
        return found

    def _next_tokens(
        self, prompt: Sequence[int], frontier: _Frontier, key: bytes
    ) -> Iterator[tuple[int, int, int, float]]:
        """Yield rows, next tokens, how often, and what the model said of them."""
        logits = self._logits(prompt, frontier)
        probabilities = self._probabilities(logits)
        drawn = [
            (row, token, count)
            for row, prefix in enumerate(frontier.prefixes)
            for token, count in _split(
                probabilities[row], frontier.counts[row], key, prefix
            )
        ]
        rows, tokens = [row for row, _, _ in drawn], [token for _, token, _ in drawn]
        norm = torch.logsumexp(logits.float(), dim=-1)
        log_p = (logits[rows, tokens].float() - norm[rows]).tolist()
        for one, said in zip(drawn, log_p, strict=True):
            yield *one, said

    def _probabilities(self, logits: torch.Tensor) -> NDArray[np.float64]:
        """Return next-token probabilities (rows, V)."""
        log_p = self._decoding.log_probabilities(logits.double())
        probabilities = log_p.exp().cpu().numpy()
        if not np.isfinite(probabilities).all():
            raise ModelError(
                "the model's probabilities are not finite numbers; its weights may be "
                "damaged, or --dtype float32 may help"
            )
        return np.asarray(probabilities)

    def _logits(self, prompt: Sequence[int], frontier: _Frontier) -> torch.Tensor:
        """Return (rows, V) after each prefix and leave a cache if there is one."""
        if not self.uses_cache:
            return reply_logits(self._model, prompt, frontier.prefixes)[:, -1]
        if frontier.cache is not None:
            rows = [[prefix[-1]] for prefix in frontier.prefixes]
        elif len(prompt) > 1:
            # A piece that has waited reads its own tokens again, but not the prompt's.
            frontier.cache = self._prompt_cache(prompt).rows(len(frontier.prefixes))
            rows = [[prompt[-1], *prefix] for prefix in frontier.prefixes]
        else:
            rows = [[*prompt, *prefix] for prefix in frontier.prefixes]
        output = self._model(
            input_ids=torch.tensor(rows, device=self._model.device),
            past_key_values=frontier.cache,
            use_cache=True,
        )
        frontier.cache = getattr(output, "past_key_values", None)
        # A cache whose rows cannot be chosen serves one step only.
        self.uses_cache = hasattr(frontier.cache, "reorder_cache")
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def _prompt_cache(self, prompt: Sequence[int]) -> PromptCache:
        """Return the state after all of a prompt but its last token, computed once."""
        if self._known is None or self._known[0] != tuple(prompt):
            self._known = tuple(prompt), PromptCache(self._model, prompt[:-1])
        return self._known[1]

    def _cache_agrees(
        self, prompt: Sequence[int], found: dict[tuple[int, ...], _Drawn]
    ) -> bool:
        """Compare some replies, the longest among them, if it is longer than ever."""
        longest = max(found, key=len)
        if len(prompt) + len(longest) <= self._longest_compared:
            return True
        self._longest_compared = len(prompt) + len(longest)
        replies = sorted(found)
        spread = np.linspace(0, len(replies) - 1, _COMPARED).astype(int).tolist()
        for reply in {longest, *(replies[i] for i in spread)} - {()}:
            logits = reply_logits(self._model, prompt, [reply[:-1]])[0].float()
            plain = torch.log_softmax(logits, dim=-1)[range(len(reply)), reply]
            apart = np.abs(plain.cpu().numpy() - np.array(found[reply].log_p))
            if not apart.max() <= tolerance(self._model):
                return False
        return True

    def _in_pieces(
        self, grown: _Frontier, parents: list[int], cache: Any, max_rows: int
    ) -> list[_Frontier]:
        if not grown.prefixes:
            return []
        if len(grown.prefixes) <= max_rows:
            if self.uses_cache:
                cache.reorder_cache(torch.tensor(parents, device=self._model.device))
                grown.cache = cache
            return [grown]
        # Pieces that wait keep no cache, so memory stays that of one piece.
        pieces = range(0, len(grown.prefixes), max_rows)
        return [
            _Frontier(
                grown.prefixes[start : start + max_rows],
                grown.counts[start : start + max_rows],
                grown.log_p[start : start + max_rows],
            )
            for start in pieces
        ]


def _digest(seed: int, prompt: Sequence[int], decoding: Decoding) -> bytes:
    """Hash what tells one sample from another; other settings are another sample."""
    content = np.array([seed, *prompt], dtype=np.int64).tobytes()
    settings = (decoding.temperature, decoding.top_p, decoding.min_p, decoding.top_k)
    content += np.array(settings, dtype=np.float64).tobytes()
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
