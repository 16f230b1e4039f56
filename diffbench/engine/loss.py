"""The exact tuning loss of whole prompts in one forward pass.

For target masses w_y of the outcomes, Zhang et al. (COLM 2024, arXiv 2404.10859)
minimise -sum_y w_y log p(y | x). Summed over the edges of the prefix tree the same
value is -sum_e (mass below e) log p(token of e | node of e). It is a sum over edges, so
a tree may be cut into rows in any way.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.packing import PackedBatch, pack
from diffbench.engine.tree import PrefixTree, build_tree, split_sequences

__all__ = [
    "LossRow",
    "loss_rows",
    "outcome_log_p",
    "outcome_loss",
    "tree_log_p",
    "tree_loss",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRow:
    """A prompt with a tree of replies, and the target mass of each edge.

    Attributes:
        prompt: At least one token id.
        tree: The replies' prefix tree, E edges.
        mass: (E,) target mass of the replies through each edge.
    """

    prompt: tuple[int, ...]
    tree: PrefixTree
    mass: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Tokens of the row."""
        return len(self.prompt) + self.tree.size - 1


def loss_rows(
    prompt: Sequence[int],
    replies: Sequence[Sequence[int]],
    weights: Sequence[float],
    max_nodes: int | None = None,
) -> Iterator[LossRow]:
    """Yield rows whose losses sum to a prompt's loss.

    Args:
        prompt: Token ids.
        replies: Token ids of each reply, at least one each.
        weights: Target mass of each reply.
        max_nodes: Most tree nodes in one row; by default one row holds them all.
    """
    groups = (
        [list(range(len(replies)))]
        if max_nodes is None
        else split_sequences(replies, max_nodes)
    )
    for group in groups:
        tree = build_tree([replies[i] for i in group])
        mass = tree.edge_mass([weights[i] for i in group])
        yield LossRow(prompt=tuple(prompt), tree=tree, mass=mass)


def tree_loss(model: PreTrainedModel, rows: Sequence[LossRow]) -> torch.Tensor:
    """Return each row's part of its prompt's cross-entropy, (rows,) nats, with gradient.

    Args:
        model: A causal language model that honours a 4D attention mask.
        rows: At least one.
    """
    batch = pack([row.prompt for row in rows], [row.tree for row in rows], model.device)
    log_p, owner = _edge_log_p(model, batch, rows)
    mass = torch.from_numpy(np.concatenate([row.mass for row in rows]))
    empty = log_p.new_zeros(len(rows))
    return empty.index_add(0, owner, -mass.to(log_p) * log_p)


@torch.no_grad()
def tree_log_p(model: PreTrainedModel, rows: Sequence[LossRow]) -> list[float]:
    """Return the log-probability of every reply of every row, in order, nats."""
    batch = pack([row.prompt for row in rows], [row.tree for row in rows], model.device)
    log_p, _ = _edge_log_p(model, batch, rows)
    each = np.split(
        log_p.double().cpu().numpy(), np.cumsum([len(row.mass) for row in rows])[:-1]
    )
    return [
        float(found[list(path)].sum())
        for found, row in zip(each, rows, strict=True)
        for path in row.tree.paths
    ]


def _edge_log_p(
    model: PreTrainedModel, batch: PackedBatch, rows: Sequence[LossRow]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (E,) log-probabilities of all rows' edges, and the row of each."""
    keep = {"logits_to_keep": batch.n_kept} if _keeps_logits(model) else {}
    logits = model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        attention_mask=batch.attention_bias(model.dtype),
        use_cache=False,
        **keep,
    ).logits[:, -batch.n_kept :]
    sizes = [len(row.mass) for row in rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    node = np.concatenate([row.tree.edge_nodes for row in rows])
    token = np.concatenate([row.tree.edge_tokens for row in rows])
    at, nodes, tokens = (
        torch.from_numpy(each).to(logits.device) for each in (owner, node, token)
    )
    # Only the norm of a node needs its whole row; the V log-probabilities are not written.
    norm = torch.logsumexp(logits.float(), dim=-1)
    return logits[at, nodes, tokens].float() - norm[at, nodes], at


def outcome_loss(
    model: PreTrainedModel,
    prompt: Sequence[int],
    replies: Sequence[Sequence[int]],
    weights: Sequence[float],
) -> torch.Tensor:
    """Return the loss of some replies to a prompt, a scalar, each in a row of its own."""
    log_p = outcome_log_p(model, prompt, replies)
    return -(torch.tensor(weights, device=log_p.device) * log_p).sum()


def outcome_log_p(
    model: PreTrainedModel, prompt: Sequence[int], replies: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Return the log-probability of each reply in a row of its own, (replies,) nats.

    For models that do not honour a 4D mask. Rows are padded at their ends, where a causal
    model does not look.
    """
    longest = max(map(len, replies))
    rows = [[*prompt, *reply, *[0] * (longest - len(reply))] for reply in replies]
    seen = [
        [1] * (len(prompt) + len(reply)) + [0] * (longest - len(reply)) for reply in replies
    ]
    logits = model(
        input_ids=torch.tensor(rows, device=model.device),
        attention_mask=torch.tensor(seen, device=model.device),
        use_cache=False,
    ).logits[:, len(prompt) - 1 : -1]
    norm = torch.logsumexp(logits.float(), dim=-1)
    each = []
    for row, reply in enumerate(replies):
        steps = torch.arange(len(reply), device=logits.device)
        tokens = torch.tensor(reply, device=logits.device)
        each.append((logits[row, steps, tokens].float() - norm[row, : len(reply)]).sum())
    return torch.stack(each)


def _keeps_logits(model: Any) -> bool:
    # A model with an adapter on it passes on what the model beneath takes.
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(bare.forward).parameters
