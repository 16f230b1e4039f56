"""Exact log-probabilities of many replies to one prompt.

The packed path scores the whole prefix tree in one forward pass. The plain path scores
padded batches and needs nothing of the model but causality; it is the reference that
the packed path is checked against, and what is used where a model does not honour the
packed mask.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.decoding import Decoding
from diffbench.engine.packing import pack
from diffbench.engine.tree import PrefixTree, build_tree, split_sequences
from diffbench.errors import ModelError

__all__ = ["Continuation", "Scorer", "ScoringPath"]

ScoringPath = Literal["packed", "plain"]

_CHECKED_SEQUENCES = 6
# Largest difference in nats between two honest computations of one log-probability.
_TOLERANCE = {torch.float32: 2e-3, torch.float64: 1e-6}
_LOW_PRECISION_TOLERANCE = 0.2
_LIKELY = 1e-3
_NEUTRAL = Decoding()
# What configurations call a limit on how far back a token attends.
_WINDOWS = ("sliding_window", "attention_chunk_size", "window_size")


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
class _Row:
    """One packed row: its length in tokens and the continuations that it held."""

    length: int
    members: list[int]


class Scorer:
    """Scores continuations by the fastest path that a model computes correctly.

    Args:
        model: A causal language model in evaluation mode.
        max_nodes: Most tree nodes in one forward pass; larger trees are split.
        batch_size: Rows of a padded batch on the plain path.
        decoding: Settings under which the replies would be drawn.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        max_nodes: int = 512,
        batch_size: int = 32,
        decoding: Decoding = _NEUTRAL,
    ) -> None:
        self._model = model
        self._decoding = decoding
        self._max_nodes = max_nodes
        self._batch_size = batch_size
        self._keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
        self.path: ScoringPath | None = None
        self.check_difference: float | None = None
        self._checked_prompt = 0
        self._checked_row = 0

    def score(
        self, prompt: Sequence[int], continuations: Sequence[Continuation]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return natural log-probabilities (n,) and whether each is the greedy reply.

        Some answers are scored by both paths whenever a prompt or a packed row is longer
        than any checked before: a model may honour the mask up to some length only.

        Args:
            prompt: Token ids, at least one.
            continuations: What may follow it.

        Raises:
            ModelError: If later tokens change what the model says of earlier ones.
        """
        if self.path is None:
            self._refuse_lookahead(prompt)
        if self.path == "plain" or self._exceeds_window(prompt, continuations):
            return self._score_plain(prompt, continuations, self._decoding)
        try:
            packed, greedy, longest = self._score_packed(
                prompt, continuations, self._decoding
            )
        except torch.OutOfMemoryError:
            raise
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
            # Architectures without a 4D mask refuse it each in their own way.
            self.path = "plain"
            return self._score_plain(prompt, continuations, self._decoding)
        if self._is_longer_than_checked(len(prompt), longest.length) and not self._agrees(
            prompt, [continuations[i] for i in longest.members]
        ):
            self.path = "plain"
            return self._score_plain(prompt, continuations, self._decoding)
        self.path = "packed"
        return packed, greedy

    def _is_longer_than_checked(self, prompt: int, row: int) -> bool:
        longer = prompt > self._checked_prompt or row > self._checked_row
        self._checked_prompt = max(prompt, self._checked_prompt)
        self._checked_row = max(row, self._checked_row)
        return longer

    def _agrees(self, prompt: Sequence[int], row: Sequence[Continuation]) -> bool:
        # The last sequences of the longest row lie farthest from the prompt. Settings
        # that cut tokens off would turn a rounding error into an infinite difference.
        packed, _, _ = self._score_packed(prompt, row, _NEUTRAL)
        spread = np.linspace(0, len(row) - 1, _CHECKED_SEQUENCES).astype(int)
        sample = list(dict.fromkeys(spread.tolist()))
        plain, _ = self._score_plain(prompt, [row[i] for i in sample], _NEUTRAL)
        difference = float(np.max(np.abs(plain - packed[sample])))
        if self.check_difference is None and np.isfinite(difference):
            self.check_difference = difference
        return difference <= self._tolerance

    @property
    def _tolerance(self) -> float:
        return _TOLERANCE.get(self._model.dtype, _LOW_PRECISION_TOLERANCE)

    @torch.inference_mode()
    def _refuse_lookahead(self, prompt: Sequence[int]) -> None:
        """Refuse an encoder: its value for the last prompt token depends on the reply."""
        alone = self._last_prompt_log_p(prompt, [])
        followed = self._last_prompt_log_p(prompt, [*prompt[-2:]])
        # Where both are very unlikely, their difference says nothing.
        likely = alone > np.log(_LIKELY)
        difference = float(np.max(np.abs(alone - followed)[likely], initial=0.0))
        if difference > self._tolerance:
            raise ModelError(
                "this is not a causal language model: its prediction after the prompt "
                f"changes by {difference:.2g} nats with the tokens that follow"
            )

    def _last_prompt_log_p(
        self, prompt: Sequence[int], reply: Sequence[int]
    ) -> NDArray[np.float64]:
        ids = torch.tensor([[*prompt, *reply]], device=self._model.device)
        logits = self._model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1]
        return np.asarray(torch.log_softmax(logits.double(), dim=-1).cpu().numpy())

    def _exceeds_window(
        self, prompt: Sequence[int], continuations: Sequence[Continuation]
    ) -> bool:
        config = self._model.config.get_text_config()
        windows = [getattr(config, name, None) for name in _WINDOWS]
        longest = len(prompt) + max(len(c.tokens) for c in continuations)
        return any(isinstance(window, int) and longest > window for window in windows)

    @torch.inference_mode()
    def _score_packed(
        self,
        prompt: Sequence[int],
        continuations: Sequence[Continuation],
        decoding: Decoding,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], _Row]:
        """Return scores, greediness and the longest packed row."""
        log_p = np.empty(len(continuations))
        greedy = np.empty(len(continuations), dtype=np.bool_)
        sequences = [continuation.tokens for continuation in continuations]
        rows: list[_Row] = []
        for group in split_sequences(sequences, self._max_nodes):
            members = [continuations[i] for i in group]
            tree = build_tree([continuation.tokens for continuation in members])
            nodes = self._node_log_p(prompt, tree, decoding)
            log_p[group], greedy[group] = _read_tree(tree, nodes, members)
            rows.append(_Row(length=len(prompt) + tree.size - 1, members=group))
        return log_p, greedy, max(rows, key=lambda row: row.length)

    def _node_log_p(
        self, prompt: Sequence[int], tree: PrefixTree, decoding: Decoding
    ) -> torch.Tensor:
        """Return (M, V) next-token log-probabilities at every node of a tree."""
        batch = pack([prompt], [tree], self._model.device)
        keep: dict[str, Any] = {}
        if self._keeps_logits:
            keep["logits_to_keep"] = tree.size
        logits = self._model(
            input_ids=batch.input_ids,
            position_ids=batch.position_ids,
            attention_mask=batch.attention_bias(self._model.dtype),
            use_cache=False,
            **keep,
        ).logits[0]
        return decoding.log_probabilities(logits[-tree.size :].float())

    @torch.inference_mode()
    def _score_plain(
        self,
        prompt: Sequence[int],
        continuations: Sequence[Continuation],
        decoding: Decoding,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        scores: list[float] = []
        greedy: list[bool] = []
        for start in range(0, len(continuations), self._batch_size):
            chunk = continuations[start : start + self._batch_size]
            for log_p, all_greedy in self._score_padded(prompt, chunk, decoding):
                scores.append(log_p)
                greedy.append(all_greedy)
        return np.array(scores), np.array(greedy, dtype=np.bool_)

    def _score_padded(
        self, prompt: Sequence[int], chunk: Sequence[Continuation], decoding: Decoding
    ) -> list[tuple[float, bool]]:
        rows = [[*prompt, *continuation.tokens[:-1]] for continuation in chunk]
        length = max(len(row) for row in rows)
        input_ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        logits = self._model(
            input_ids=input_ids.to(self._model.device),
            attention_mask=mask.to(self._model.device),
            use_cache=False,
        ).logits
        scored = []
        for row, continuation in zip(logits, chunk, strict=True):
            n = len(continuation.tokens)
            steps = decoding.log_probabilities(
                row[len(prompt) - 1 : len(prompt) - 1 + n].float()
            )
            tokens = torch.tensor(continuation.tokens, device=steps.device)
            each = steps[torch.arange(n, device=steps.device), tokens].double()
            log_p = float(each[:-1].sum()) + _last_log_p(steps[-1], continuation)
            scored.append((log_p, bool((steps.argmax(-1) == tokens).all())))
        return scored


def _read_tree(
    tree: PrefixTree, nodes: torch.Tensor, members: Sequence[Continuation]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Sum the edges of each continuation's path through a tree."""
    leaving = torch.from_numpy(tree.edge_nodes).to(nodes.device)
    tokens = torch.from_numpy(tree.edge_tokens).to(nodes.device)
    edges = nodes[leaving, tokens].double().cpu().numpy()
    is_greedy = (nodes.argmax(-1)[leaving] == tokens).cpu().numpy()
    scores = np.empty(len(members))
    greedy = np.empty(len(members), dtype=np.bool_)
    for i, (continuation, path) in enumerate(zip(members, tree.paths, strict=True)):
        scores[i] = edges[list(path[:-1])].sum()
        if continuation.closers is None:
            scores[i] += edges[path[-1]]
        else:
            scores[i] += _last_log_p(nodes[leaving[path[-1]]], continuation)
        greedy[i] = is_greedy[list(path)].all()
    return scores, greedy


def _last_log_p(log_p: torch.Tensor, continuation: Continuation) -> float:
    """Sum over every token that may end a continuation, from (V,) log-probabilities."""
    last = continuation.closers
    if last is None:
        return float(log_p[continuation.tokens[-1]])
    chosen = log_p[torch.from_numpy(last).to(log_p.device)].double()
    return float(torch.logsumexp(chosen, dim=0))
