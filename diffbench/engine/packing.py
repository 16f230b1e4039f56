"""Pack prompts and their prefix trees into one batch of model inputs.

Each row holds a prompt followed by the nodes of its tree. A node attends to the prompt
and to its own ancestors only, at the position it would have in a reply, so the logits
at it are those of the prefix that it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffbench.engine.tree import PrefixTree

__all__ = ["PackedBatch", "pack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBatch:
    """Model inputs for B packed rows of length L.

    Attributes:
        input_ids: (B, L) int64.
        position_ids: (B, L) int64, the position each token has in its own reply.
        allowed: (B, 1, L, L) bool, [.., i, j] says that token i may attend to token j.
        rows: (E,) row of each edge, all trees' edges one after another.
        columns: (E,) column of the node from which each edge leaves.
        tokens: (E,) token id of each edge.
        offsets: (B,) index of each tree's first edge.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    allowed: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    tokens: torch.Tensor
    offsets: tuple[int, ...]

    def attention_bias(self, dtype: torch.dtype) -> torch.Tensor:
        """Return (B, 1, L, L): 0 where attention is allowed, very low elsewhere."""
        bias = torch.zeros(self.allowed.shape, dtype=dtype, device=self.allowed.device)
        return bias.masked_fill_(~self.allowed, torch.finfo(dtype).min)


def pack(
    prompts: Sequence[Sequence[int]],
    trees: Sequence[PrefixTree],
    device: torch.device | str = "cpu",
) -> PackedBatch:
    """Pack B prompts, each with its tree, padded at the end to one length.

    Args:
        prompts: B token id lists, each with at least one token.
        trees: B prefix trees, in the same order.
        device: Where the tensors are made.
    """
    length = max(
        len(prompt) + tree.size - 1 for prompt, tree in zip(prompts, trees, strict=True)
    )
    input_ids = torch.zeros((len(prompts), length), dtype=torch.int64)
    position_ids = torch.zeros_like(input_ids)
    # A padded token attends to itself: a row with nothing allowed would be NaN.
    allowed = torch.eye(length, dtype=torch.bool).repeat(len(prompts), 1, 1)
    rows, columns, tokens, offsets, n_edges = [], [], [], [], 0
    for row, (prompt, tree) in enumerate(zip(prompts, trees, strict=True)):
        start, end = len(prompt), len(prompt) + tree.size - 1
        input_ids[row, :start] = torch.tensor(prompt)
        input_ids[row, start:end] = torch.from_numpy(tree.tokens[1:])
        position_ids[row, :start] = torch.arange(start)
        position_ids[row, start:end] = torch.from_numpy(start - 1 + tree.depths[1:])
        allowed[row, :start, :start] = torch.ones(start, start).tril().bool()
        allowed[row, start:end, :start] = True
        allowed[row, start:end, start:end] = torch.from_numpy(tree.ancestor_mask()[1:, 1:])
        edge_nodes = torch.from_numpy(tree.edge_nodes)
        rows.append(torch.full_like(edge_nodes, row))
        columns.append(edge_nodes + start - 1)
        tokens.append(torch.from_numpy(tree.edge_tokens))
        offsets.append(n_edges)
        n_edges += len(edge_nodes)
    return PackedBatch(
        input_ids=input_ids.to(device),
        position_ids=position_ids.to(device),
        allowed=allowed[:, None].to(device),
        rows=torch.cat(rows).to(device),
        columns=torch.cat(columns).to(device),
        tokens=torch.cat(tokens).to(device),
        offsets=tuple(offsets),
    )
