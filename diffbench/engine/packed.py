"""The packed path: a prefix tree in one row, each node attending to its ancestors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.cache import PromptCache
from diffbench.engine.decoding import Decoding
from diffbench.engine.packing import PackedBatch, pack
from diffbench.engine.reading import read_scores
from diffbench.engine.requests import Scores, ScoringRequest
from diffbench.engine.sharing import Alone, Sharing
from diffbench.engine.tree import PrefixTree, build_tree, split_sequences

__all__ = ["PackedPath", "RowSize"]

# Attention grows with the square of a row, so large trees are cut into rows of this size
# that share the prompt's keys and values.
CHUNK_NODES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A part of one request's tree: the continuations in it and the tree they form."""

    members: list[int]
    tree: PrefixTree


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """One forward pass: requests by their positions, and a chunk of each in a row.

    Attributes:
        rows: Request and chunk of each row.
        cached: Whether the rows are of one request and stand behind its prompt's cache.
    """

    rows: Sequence[tuple[int, _Chunk]]
    cached: bool


_Read = list[tuple[NDArray[np.float64], NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSize:
    """A row of prefixes.

    Attributes:
        tokens: How many it has.
        foreign: Most tokens before one that it may not attend to.
        most_foreign: Which of the row's prefixes that is.
    """

    tokens: int
    foreign: int
    most_foreign: int


class PackedPath:
    """Scores whole trees; needs a model that honours a 4D attention mask.

    Args:
        model: A causal language model in evaluation mode.
        max_tokens: Most tokens in one forward pass, unless a single row has more.
        chunk_nodes: Most nodes in one row.
        sharing: How forward passes are divided among processes.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        max_tokens: int,
        chunk_nodes: int = CHUNK_NODES,
        sharing: Sharing | None = None,
    ) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._chunk_nodes = min(chunk_nodes, max_tokens)
        self._keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._sharing = sharing or Alone()

    def score(
        self, requests: Sequence[ScoringRequest], decodings: Sequence[Decoding]
    ) -> list[Scores]:
        """Score every request; small trees of several prompts share a forward pass."""
        chunks = [self._chunks(request) for request in requests]
        passes = [*self._small(requests, chunks), *self._large(chunks)]
        reader = _Reader(self, requests, decodings)
        found = self._sharing.map(len(passes), lambda i: reader.read(passes[i]))
        padding = _padding(passes, requests)
        scores = [
            _blank(request, chunks[i], len(decodings), padding.get(i, 0))
            for i, request in enumerate(requests)
        ]
        for one, read in zip(passes, found, strict=True):
            for (i, chunk), (log_p, greedy) in zip(one.rows, read, strict=True):
                scores[i].log_p[:, chunk.members] = log_p
                scores[i].greedy[chunk.members] = greedy
        return scores

    def _chunks(self, request: ScoringRequest) -> list[_Chunk]:
        return self._chunks_of([one.tokens for one in request.continuations])

    def _chunks_of(self, sequences: Sequence[Sequence[int]]) -> list[_Chunk]:
        return [
            _Chunk(members=group, tree=build_tree([sequences[i] for i in group]))
            for group in split_sequences(sequences, self._chunk_nodes)
        ]

    def _small(
        self, requests: Sequence[ScoringRequest], chunks: Sequence[list[_Chunk]]
    ) -> Iterator[_Pass]:
        """Yield requests of like length together, padding included in the limit."""
        rows: list[tuple[int, _Chunk]] = []
        longest = widest = 0
        small = [i for i, found in enumerate(chunks) if len(found) == 1]
        for i in sorted(small, key=lambda i: len(requests[i].prompt), reverse=True):
            prompt, (chunk,) = len(requests[i].prompt), chunks[i]
            row = max(longest, prompt) + max(widest, chunk.tree.size)
            if rows and row * (len(rows) + 1) > self._max_tokens:
                yield _Pass(rows=rows, cached=False)
                rows, longest, widest = [], 0, 0
            rows.append((i, chunk))
            longest, widest = max(longest, prompt), max(widest, chunk.tree.size)
        if rows:
            yield _Pass(rows=rows, cached=False)

    def _large(self, chunks: Sequence[list[_Chunk]]) -> Iterator[_Pass]:
        """Yield several chunks of one request together."""
        for i, found in enumerate(chunks):
            if len(found) > 1:
                for part in self._parts(found):
                    yield _Pass(rows=[(i, chunk) for chunk in part], cached=True)

    def _parts(self, chunks: Sequence[_Chunk]) -> Iterator[Sequence[_Chunk]]:
        rows = max(1, self._max_tokens // self._chunk_nodes)
        for start in range(0, len(chunks), rows):
            yield chunks[start : start + rows]

    def logits(
        self, prompts: Sequence[Sequence[int]], trees: Sequence[PrefixTree]
    ) -> torch.Tensor:
        """Return (rows, nodes, V) of rows that begin with their own prompts."""
        return self._forward(pack(prompts, trees, self._model.device), None)

    def logits_behind(
        self, cache: PromptCache | None, last: Sequence[int], trees: Sequence[PrefixTree]
    ) -> torch.Tensor:
        """Return (rows, nodes, V) of rows behind a cache that lacks the prompt's last."""
        packed = pack(
            [last] * len(trees),
            trees,
            self._model.device,
            past=0 if cache is None else cache.size,
        )
        return self._forward(packed, None if cache is None else cache.rows(len(trees)))

    def prompt_cache(self, prompt: Sequence[int]) -> PromptCache | None:
        """Return the state after all of a prompt but its last token; None if it is one."""
        if len(prompt) == 1:
            return None
        return PromptCache(self._model, prompt[:-1], whole=True)

    def next_logits(
        self, prompt: Sequence[int], prefixes: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor, RowSize]]:
        """Yield the logits after each prefix of a reply, in lexicographic order.

        Yields:
            Positions in `prefixes`, k of them, their (k, V) logits, and the row that
            they stood in; every position exactly once.
        """
        # A node is a proper prefix of some sequence, so each prefix gets one token more.
        chunks = self._chunks_of([(*prefix, 0) for prefix in prefixes])
        cache = self.prompt_cache(prompt)
        for part in self._parts(chunks):
            trees = [chunk.tree for chunk in part]
            logits = self.logits_behind(cache, prompt[-1:], trees)
            for row, chunk in enumerate(part):
                last = [path[-1] for path in _nodes(chunk.tree)]
                yield chunk.members, logits[row, last], _row_size(prompt, chunk.tree)

    def _forward(self, packed: PackedBatch, cache: Any) -> torch.Tensor:
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


class _Reader:
    """Does the passes of one call, and keeps the cache of the prompt it was last at."""

    def __init__(
        self,
        path: PackedPath,
        requests: Sequence[ScoringRequest],
        decodings: Sequence[Decoding],
    ) -> None:
        self._path = path
        self._requests = requests
        self._decodings = decodings
        self._at: int | None = None
        self._cache: PromptCache | None = None

    def read(self, one: _Pass) -> _Read:
        """Return log-probabilities (D, n) and greediness (n,) of each row's n members."""
        logits = self._logits(one)
        return [
            read_scores(
                logits[row, : chunk.tree.size],
                _nodes(chunk.tree),
                [self._requests[i].continuations[m] for m in chunk.members],
                self._decodings,
            )
            for row, (i, chunk) in enumerate(one.rows)
        ]

    def _logits(self, one: _Pass) -> torch.Tensor:
        trees = [chunk.tree for _, chunk in one.rows]
        if not one.cached:
            return self._path.logits([self._requests[i].prompt for i, _ in one.rows], trees)
        i = one.rows[0][0]
        prompt = self._requests[i].prompt
        if self._at != i:
            self._cache, self._at = self._path.prompt_cache(prompt), i
        return self._path.logits_behind(self._cache, prompt[-1:], trees)


def _padding(passes: Sequence[_Pass], requests: Sequence[ScoringRequest]) -> dict[int, int]:
    """Return how many tokens stand before each prompt that shares a pass with others."""
    found: dict[int, int] = {}
    for one in passes:
        if not one.cached:
            longest = max(len(requests[i].prompt) for i, _ in one.rows)
            found |= {i: longest - len(requests[i].prompt) for i, _ in one.rows}
    return found


def _blank(
    request: ScoringRequest, chunks: Sequence[_Chunk], n_decodings: int, padding: int
) -> Scores:
    """Return scores that are still to be filled in."""
    n = len(request.continuations)
    largest = max(chunks, key=lambda chunk: chunk.tree.size)
    # The largest may be one long reply, which a model needs no mask to read.
    widest = max(chunks, key=lambda chunk: max(_foreign(chunk.tree)))
    return Scores(
        log_p=np.empty((n_decodings, n)),
        greedy=np.empty(n, dtype=np.bool_),
        row=len(request.prompt) + largest.tree.size - 1,
        padding=padding,
        foreign=max(_foreign(widest.tree)),
        witnesses=tuple(dict.fromkeys([*_witnesses(largest), *_witnesses(widest)])),
        cached=len(chunks) > 1,
    )


def _nodes(tree: PrefixTree) -> list[list[int]]:
    """Return, for each sequence of a tree, the node before each of its tokens."""
    return [tree.edge_nodes[list(path)].tolist() for path in tree.paths]


def _foreign(tree: PrefixTree) -> list[int]:
    """Return, for each sequence, the nodes before its last that it does not go on from."""
    last = tree.edge_nodes[[path[-1] for path in tree.paths]]
    found: list[int] = (last - tree.depths[last]).tolist()
    return found


def _row_size(prompt: Sequence[int], tree: PrefixTree) -> RowSize:
    foreign = _foreign(tree)
    return RowSize(
        tokens=len(prompt) + tree.size - 1,
        foreign=max(foreign),
        most_foreign=foreign.index(max(foreign)),
    )


def _witnesses(chunk: _Chunk) -> tuple[int, ...]:
    spread = np.linspace(0, len(chunk.members) - 1, 6).astype(int)
    foreign = _foreign(chunk.tree)
    chosen = [*spread.tolist(), foreign.index(max(foreign))]
    return tuple(dict.fromkeys(chunk.members[i] for i in chosen))
