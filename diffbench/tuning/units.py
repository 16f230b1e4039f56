"""Pieces of a step's loss: each a forward pass that fits into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from transformers import PreTrainedModel

from diffbench.engine.loss import (
    LossRow,
    loss_rows,
    outcome_log_p,
    outcome_loss,
    tree_log_p,
    tree_loss,
)
from diffbench.engine.trust import REFUSALS, tolerance
from diffbench.tuning.examples import TrainingPrompt

__all__ = ["LossPath", "LossUnit", "choose_path", "loss_units"]

LossPath = Literal["packed", "plain"]

MAX_NODES = 256
_REPLIES_A_ROW = 32


class LossUnit(Protocol):
    """A part of a loss."""

    def loss(self, model: PreTrainedModel) -> torch.Tensor:
        """Return it, a scalar with gradient, already weighted."""


@dataclass(frozen=True, slots=True)
class _Packed:
    """Rows of one or more prompts, with the weight of each row's prompt."""

    rows: Sequence[LossRow]
    weight: float

    def loss(self, model: PreTrainedModel) -> torch.Tensor:
        return self.weight * tree_loss(model, self.rows).sum()


@dataclass(frozen=True, slots=True)
class _Plain:
    """Some replies to one prompt, a row each."""

    prompt: TrainingPrompt
    first: int
    last: int
    weight: float

    def loss(self, model: PreTrainedModel) -> torch.Tensor:
        chosen = slice(self.first, self.last)
        replies, weights = self.prompt.replies[chosen], self.prompt.weights[chosen]
        return self.weight * outcome_loss(model, self.prompt.tokens, replies, weights)


def loss_units(
    prompts: Sequence[TrainingPrompt], path: LossPath, max_tokens: int
) -> list[LossUnit]:
    """Return units that sum to the mean loss of some prompts.

    Args:
        prompts: At least one.
        path: `packed` for models that honour a 4D mask.
        max_tokens: Most tokens in one forward pass, unless a single row has more.
    """
    weight = 1 / len(prompts)
    if path == "plain":
        return [
            _Plain(prompt, first, first + _REPLIES_A_ROW, weight)
            for prompt in prompts
            for first in range(0, len(prompt.replies), _REPLIES_A_ROW)
        ]
    rows = [row for prompt in prompts for row in _rows(prompt, max_tokens)]
    return [_Packed(batch, weight) for batch in _batches(rows, max_tokens)]


def _rows(prompt: TrainingPrompt, max_tokens: int) -> Iterator[LossRow]:
    nodes = max(1, min(MAX_NODES, max_tokens - len(prompt.tokens)))
    yield from loss_rows(prompt.tokens, prompt.replies, prompt.weights, nodes)


def _batches(rows: Sequence[LossRow], max_tokens: int) -> Iterator[list[LossRow]]:
    """Yield rows of like length together, padding included in the limit."""
    batch: list[LossRow] = []
    longest = widest = 0
    for row in sorted(rows, key=lambda row: (len(row.prompt), row.tree.size), reverse=True):
        longest = max(longest, len(row.prompt))
        widest = max(widest, row.tree.size)
        if batch and (longest + widest) * (len(batch) + 1) > max_tokens:
            yield batch
            batch, longest, widest = [], len(row.prompt), row.tree.size
        batch.append(row)
    if batch:
        yield batch


@torch.no_grad()
def choose_path(
    model: PreTrainedModel, prompts: Sequence[TrainingPrompt], max_tokens: int
) -> LossPath:
    """Return `packed` if each reply's packed log-probability is its plain one.

    Compared on the prompt with most to mask, and on the longest and the shortest, which
    is padded beside it.
    """
    by_length = sorted(prompts, key=lambda prompt: len(prompt.tokens))
    largest = max(prompts, key=lambda prompt: len(prompt.tokens) + len(prompt.replies))
    sample = list(dict.fromkeys([largest, by_length[0], by_length[-1]]))
    rows = [row for prompt in sample for row in _rows(prompt, max_tokens)]
    try:
        packed = [
            pair
            for batch in _batches(rows, max_tokens)
            for pair in zip(_replies(batch), tree_log_p(model, batch), strict=True)
        ]
    except torch.OutOfMemoryError:
        raise
    except REFUSALS:
        return "plain"
    plain = {
        (prompt.tokens, reply): log_p
        for prompt in sample
        for reply, log_p in zip(prompt.replies, _plain_log_p(model, prompt), strict=True)
    }
    apart = max(abs(log_p - plain[reply]) for reply, log_p in packed)
    return "packed" if apart <= tolerance(model) else "plain"


def _replies(
    rows: Sequence[LossRow],
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield prompt and reply of every path of every row."""
    for row in rows:
        for path in row.tree.paths:
            yield row.prompt, tuple(row.tree.edge_tokens[list(path)].tolist())


def _plain_log_p(model: PreTrainedModel, prompt: TrainingPrompt) -> list[float]:
    found: list[float] = []
    for first in range(0, len(prompt.replies), _REPLIES_A_ROW):
        part = prompt.replies[first : first + _REPLIES_A_ROW]
        found += outcome_log_p(model, prompt.tokens, part).tolist()
    return found
