"""Pack prompts and their prefix trees into one batch of model inputs.

Each row holds a prompt followed by the nodes of its tree. A node attends to the prompt
and to its own ancestors only, at the position it would have in a reply, so the logits
at it are those of the prefix that it stands for. Prompts end in one column, so that the
model need not compute logits left of it.
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
        allowed: (B, 1, L, past + L) bool, [.., i, j] says that token i may attend to
            token j; the first `past` tokens are those of a cache.
        n_kept: Columns from the last token of the prompts on, T. Node k of each tree
            stands in column L - T + k.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    allowed: torch.Tensor
    n_kept: int

    def attention_bias(self, dtype: torch.dtype) -> torch.Tensor:
        """Return (B, 1, L, past + L): 0 where attention is allowed, very low elsewhere."""
        bias = torch.zeros(self.allowed.shape, dtype=dtype, device=self.allowed.device)
        return bias.masked_fill_(~self.allowed, torch.finfo(dtype).min)


def pack(
    prompts: Sequence[Sequence[int]],
    trees: Sequence[PrefixTree],
    device: torch.device | str = "cpu",
    *,
    past: int = 0,
) -> PackedBatch:
    """Pack B prompts, each with its tree, padded to one length.

    Args:
        prompts: B token id lists, each with at least one token.
        trees: B prefix trees, in the same order.
        device: Where the tensors are made.
        past: Tokens before every prompt whose keys and values a cache holds.
    """
    longest = max(map(len, prompts))
    n_kept = max(tree.size for tree in trees)
    length = longest + n_kept - 1
    input_ids = torch.zeros((len(prompts), length), dtype=torch.int64)
    position_ids = torch.zeros_like(input_ids)
    # A padded token attends to itself: a row with nothing allowed would be NaN.
    allowed = torch.eye(length, dtype=torch.bool).repeat(len(prompts), 1, 1)
    for row, (prompt, tree) in enumerate(zip(prompts, trees, strict=True)):
        start, end = longest - len(prompt), longest + tree.size - 1
        input_ids[row, start:longest] = torch.tensor(prompt)
        input_ids[row, longest:end] = torch.from_numpy(tree.tokens[1:])
        position_ids[row, start:longest] = past + torch.arange(len(prompt))
        position_ids[row, longest:end] = torch.from_numpy(
            past + len(prompt) - 1 + tree.depths[1:]
        )
        square = torch.ones(len(prompt), len(prompt), dtype=torch.bool).tril()
        allowed[row, start:longest, start:longest] = square
        allowed[row, longest:end, start:longest] = True
        allowed[row, longest:end, longest:end] = torch.from_numpy(
            tree.ancestor_mask()[1:, 1:]
        )
    seen = torch.ones((len(prompts), length, past), dtype=torch.bool)
    return PackedBatch(
        input_ids=input_ids.to(device),
        position_ids=position_ids.to(device),
        allowed=torch.cat([seen, allowed], dim=2)[:, None].to(device),
        n_kept=n_kept,
    )
