"""Paths that give each continuation a row of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from diffbench.engine.cache import PromptCache
from diffbench.engine.decoding import Decoding
from diffbench.engine.forward import logits_behind_cache, reply_logits
from diffbench.engine.reading import read_scores
from diffbench.engine.requests import Continuation, Scores, ScoringRequest
from diffbench.engine.sharing import Alone, Sharing

__all__ = ["PlainPath", "SharedPath"]

_Rows = list[tuple[int, ...]]


class PlainPath:
    """Scores rows of prompt and continuation, unpadded: the reference for all others.

    Args:
        model: A causal language model or an encoder-decoder, in evaluation mode.
        batch_size: Rows in one forward pass.
        sharing: How requests are divided among processes.
    """

    def __init__(
        self, model: PreTrainedModel, *, batch_size: int, sharing: Sharing | None = None
    ) -> None:
        self._model = model
        self._batch_size = batch_size
        self._sharing = sharing or Alone()

    def score(
        self, requests: Sequence[ScoringRequest], decodings: Sequence[Decoding]
    ) -> list[Scores]:
        """Score every request."""
        return self._sharing.map(
            len(requests), lambda i: self._score(requests[i], decodings)
        )

    def _score(self, request: ScoringRequest, decodings: Sequence[Decoding]) -> Scores:
        return _by_batches(
            request,
            decodings,
            self._batch_size,
            lambda rows: reply_logits(self._model, request.prompt, rows),
            padded=False,
        )

    def next_logits(
        self, prompt: Sequence[int], prefixes: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield positions in `prefixes` and the (k, V) logits after them.

        A prefix comes before those that go on from it.
        """
        for batch in _batches(list(map(len, prefixes)), self._batch_size, padded=False):
            logits = reply_logits(self._model, prompt, [prefixes[i] for i in batch])
            yield batch, logits[:, -1]


class SharedPath:
    """Scores padded rows of continuations behind one prompt's keys and values.

    Args:
        model: A causal language model in evaluation mode.
        batch_size: Rows in one forward pass.
        sharing: How requests are divided among processes.
    """

    def __init__(
        self, model: PreTrainedModel, *, batch_size: int, sharing: Sharing | None = None
    ) -> None:
        self._model = model
        self._batch_size = batch_size
        self._sharing = sharing or Alone()

    def score(
        self, requests: Sequence[ScoringRequest], decodings: Sequence[Decoding]
    ) -> list[Scores]:
        """Score every request; the prompt's last token begins each row."""
        return self._sharing.map(
            len(requests), lambda i: self._score(requests[i], decodings)
        )

    def _score(self, request: ScoringRequest, decodings: Sequence[Decoding]) -> Scores:
        *before, last = request.prompt
        if not before:
            raise ValueError("a prompt of one token has nothing to share")
        cache = PromptCache(self._model, before)
        return _by_batches(
            request,
            decodings,
            self._batch_size,
            lambda rows: logits_behind_cache(
                self._model, cache, [(last, *reply) for reply in rows]
            ),
            padded=True,
        )


def _by_batches(
    request: ScoringRequest,
    decodings: Sequence[Decoding],
    batch_size: int,
    logits_of: Callable[[_Rows], torch.Tensor],
    *,
    padded: bool,
) -> Scores:
    """Score continuations in batches of rows, each row its reply without the last token.

    `logits_of` returns (rows, steps, V) of a batch, step 0 being after the prompt. Rows
    may be padded where they stand behind a cache only.
    """
    log_p, greedy, order = [], [], []
    lengths = [len(continuation.tokens) for continuation in request.continuations]
    for batch in _batches(lengths, batch_size, padded=padded):
        members = [request.continuations[i] for i in batch]
        logits = logits_of([member.tokens[:-1] for member in members])
        found = _read(logits, members, decodings)
        log_p.append(found[0])
        greedy.append(found[1])
        order += batch
    back = np.argsort(order)
    spread = np.linspace(0, len(order) - 1, 6).astype(int)
    return Scores(
        log_p=np.concatenate(log_p, axis=1)[:, back],
        greedy=np.concatenate(greedy)[back],
        row=request.longest - 1,
        # Padding stands at the end, where nothing follows it.
        padding=0,
        foreign=0,
        witnesses=tuple(dict.fromkeys(order[i] for i in spread.tolist())),
        cached=padded,
    )


def _batches(lengths: Sequence[int], size: int, *, padded: bool) -> Iterator[list[int]]:
    """Yield positions, the shortest first; unpadded, those of one length together."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        longer = bool(batch) and lengths[i] > lengths[batch[-1]]
        if len(batch) == size or (longer and not padded):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _read(
    logits: torch.Tensor, members: Sequence[Continuation], decodings: Sequence[Decoding]
) -> tuple[Any, Any]:
    steps = logits.shape[1]
    nodes = [
        range(row * steps, row * steps + len(member.tokens))
        for row, member in enumerate(members)
    ]
    return read_scores(logits.flatten(0, 1), nodes, members, decodings)
