"""The exact tuning loss of whole prompts in one forward pass.

For target masses w_y of the outcomes, Zhang et al. (COLM 2024, arXiv 2404.10859)
minimise -sum_y w_y log p(y | x). Summed over the edges of the prefix tree the same
value is -sum_e (mass below e) log p(token of e | node of e).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from diffbench.engine.packing import pack
from diffbench.engine.tree import PrefixTree

__all__ = ["tree_loss"]


def tree_loss(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    trees: Sequence[PrefixTree],
    weights: Sequence[Sequence[float]],
) -> torch.Tensor:
    """Return the cross-entropy of each prompt, (B,) nats, with its gradient.

    Args:
        model: A causal language model that honours a 4D attention mask.
        prompts: B token id lists.
        trees: B prefix trees of the reply tokens.
        weights: For each prompt, the target mass of each sequence of its tree.
    """
    batch = pack(prompts, trees, model.device)
    logits = model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        attention_mask=batch.attention_bias(model.dtype),
        use_cache=False,
    ).logits[:, -batch.n_kept :]
    losses = []
    for row, (tree, weight) in enumerate(zip(trees, weights, strict=True)):
        nodes = torch.from_numpy(tree.edge_nodes).to(logits.device)
        tokens = torch.from_numpy(tree.edge_tokens).to(logits.device)
        log_p = torch.log_softmax(logits[row, nodes].float(), dim=-1)
        log_p = log_p.gather(1, tokens[:, None])[:, 0]
        mass = torch.from_numpy(tree.edge_mass(weight)).to(log_p)
        losses.append(-(mass * log_p).sum())
    return torch.stack(losses)
