"""The packed path: a prefix tree in one row, each node attending to its ancestors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from diffbench.engine.cache import PromptCache
from diffbench.engine.decoding import Decoding
from diffbench.engine.packing import PackedBatch, pack
from diffbench.engine.reading import read_scores
from diffbench.engine.requests import Scores, ScoringRequest
from diffbench.engine.tree import PrefixTree, build_tree, split_sequences

__all__ = ["PackedPath"]

# Attention grows with the square of a row, so large trees are cut into rows of this size
# that share the prompt's keys and values.
CHUNK_NODES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A part of one request's tree: the continuations in it and the tree they form."""

    members: list[int]
    tree: PrefixTree


class PackedPath:
    """Scores whole trees; needs a model that honours a 4D attention mask.

    Args:
        model: A causal language model in evaluation mode.
        max_tokens: Most tokens in one forward pass, unless a single row has more.
        chunk_nodes: Most nodes in one row.
    """

    def __init__(
        self, model: PreTrainedModel, *, max_tokens: int, chunk_nodes: int = CHUNK_NODES
    ) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._chunk_nodes = min(chunk_nodes, max_tokens)
        self._keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters

    def score(
        self, requests: Sequence[ScoringRequest], decodings: Sequence[Decoding]
    ) -> list[Scores]:
        """Score every request; small trees of several prompts share a forward pass."""
        chunks = [self._chunks(request) for request in requests]
        scored: dict[int, Scores] = {}
        small = [i for i, found in enumerate(chunks) if len(found) == 1]
        for batch in self._batches(small, requests, chunks):
            for i, scores in zip(
                batch, self._score_small(batch, requests, chunks, decodings), strict=True
            ):
                scored[i] = scores
        for i, found in enumerate(chunks):
            if len(found) > 1:
                scored[i] = self._score_large(requests[i], found, decodings)
        return [scored[i] for i in range(len(requests))]

    def _chunks(self, request: ScoringRequest) -> list[_Chunk]:
        sequences = [continuation.tokens for continuation in request.continuations]
        return [
            _Chunk(members=group, tree=build_tree([sequences[i] for i in group]))
            for group in split_sequences(sequences, self._chunk_nodes)
        ]

    def _batches(
        self,
        chosen: Sequence[int],
        requests: Sequence[ScoringRequest],
        chunks: Sequence[list[_Chunk]],
    ) -> Iterator[list[int]]:
        """Yield requests of like length together, padding included in the limit."""
        batch: list[int] = []
        longest = widest = 0
        for i in sorted(chosen, key=lambda i: len(requests[i].prompt), reverse=True):
            prompt, nodes = len(requests[i].prompt), chunks[i][0].tree.size
            row = max(longest, prompt) + max(widest, nodes)
            if batch and row * (len(batch) + 1) > self._max_tokens:
                yield batch
                batch, longest, widest = [], 0, 0
            batch.append(i)
            longest, widest = max(longest, prompt), max(widest, nodes)
        if batch:
            yield batch

    def _score_small(
        self,
        batch: Sequence[int],
        requests: Sequence[ScoringRequest],
        chunks: Sequence[list[_Chunk]],
        decodings: Sequence[Decoding],
    ) -> Iterator[Scores]:
        trees = [chunks[i][0].tree for i in batch]
        packed = pack([requests[i].prompt for i in batch], trees, self._model.device)
        logits = self._forward(packed)
        for row, i in enumerate(batch):
            chunk = chunks[i][0]
            members = [requests[i].continuations[m] for m in chunk.members]
            tree = chunk.tree
            log_p, greedy = read_scores(
                logits[row, : tree.size], _nodes(tree), members, decodings
            )
            order = np.argsort(chunk.members)
            yield Scores(
                log_p=log_p[:, order],
                greedy=greedy[order],
                row=len(requests[i].prompt) + tree.size - 1,
                witnesses=_witnesses(chunk),
                cached=False,
            )

    def _score_large(
        self,
        request: ScoringRequest,
        chunks: Sequence[_Chunk],
        decodings: Sequence[Decoding],
    ) -> Scores:
        n = len(request.continuations)
        log_p, greedy = np.empty((len(decodings), n)), np.empty(n, dtype=np.bool_)
        for chunk, logits in self._after_prompt(request.prompt, chunks):
            members = [request.continuations[m] for m in chunk.members]
            log_p[:, chunk.members], greedy[chunk.members] = read_scores(
                logits, _nodes(chunk.tree), members, decodings
            )
        largest = max(chunks, key=lambda chunk: chunk.tree.size)
        return Scores(
            log_p=log_p,
            greedy=greedy,
            row=len(request.prompt) + largest.tree.size - 1,
            witnesses=_witnesses(largest),
            cached=True,
        )

    def next_logits(
        self, prompt: Sequence[int], prefixes: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor, int]]:
        """Yield the logits after each prefix of a reply, in lexicographic order.

        Yields:
            Positions in `prefixes`, k of them, their (k, V) logits, and the tokens of
            the row that they stood in; every position exactly once.
        """
        # A node is a proper prefix of some sequence, so each prefix gets one token more.
        sequences = [(*prefix, 0) for prefix in prefixes]
        chunks = [
            _Chunk(members=group, tree=build_tree([sequences[i] for i in group]))
            for group in split_sequences(sequences, self._chunk_nodes)
        ]
        for chunk, logits in self._after_prompt(prompt, chunks):
            last = [path[-1] for path in _nodes(chunk.tree)]
            yield chunk.members, logits[last], len(prompt) + chunk.tree.size - 1

    def _after_prompt(
        self, prompt: Sequence[int], chunks: Sequence[_Chunk]
    ) -> Iterator[tuple[_Chunk, torch.Tensor]]:
        """Yield each chunk with its (nodes, V) logits; node 0 ends the prompt."""
        cache = None
        if len(prompt) > 1:
            cache = PromptCache(self._model, prompt[:-1], whole=True)
        rows = max(1, self._max_tokens // self._chunk_nodes)
        for start in range(0, len(chunks), rows):
            part = chunks[start : start + rows]
            packed = pack(
                [prompt[-1:]] * len(part),
                [chunk.tree for chunk in part],
                self._model.device,
                past=len(prompt) - 1,
            )
            logits = self._forward(packed, None if cache is None else cache.rows(len(part)))
            for row, chunk in enumerate(part):
                yield chunk, logits[row, : chunk.tree.size]

    def _forward(self, packed: PackedBatch, cache: Any = None) -> torch.Tensor:
        keep: dict[str, Any] = {}
        if self._keeps_logits:
            keep["logits_to_keep"] = packed.n_kept
        logits: torch.Tensor = self._model(
            input_ids=packed.input_ids,
            position_ids=packed.position_ids,
            attention_mask=packed.attention_bias(self._model.dtype),
            past_key_values=cache,
            use_cache=cache is not None,
            **keep,
        ).logits
        return logits[:, -packed.n_kept :]


def _nodes(tree: PrefixTree) -> list[list[int]]:
    """Return, for each sequence of a tree, the node before each of its tokens."""
    return [tree.edge_nodes[list(path)].tolist() for path in tree.paths]


def _witnesses(chunk: _Chunk) -> tuple[int, ...]:
    spread = np.linspace(0, len(chunk.members) - 1, 6).astype(int)
    return tuple(dict.fromkeys(chunk.members[i] for i in spread.tolist()))
