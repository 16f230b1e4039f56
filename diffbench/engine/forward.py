"""Ask any model for the logits of replies, one row a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from diffbench.engine.cache import PromptCache

__all__ = ["logits_behind_cache", "reply_logits"]


def reply_logits(
    model: PreTrainedModel, prompt: Sequence[int], replies: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Return logits (rows, steps, V); step 0 follows the prompt, step k reply token k.

    Args:
        model: A causal language model, or an encoder-decoder that reads the prompt in
            its encoder.
        prompt: At least one token id.
        replies: Token ids of each row's reply, perhaps none, all of one length: what a
            model makes of padding differs, and here nothing is to compare it with.
    """
    if model.config.is_encoder_decoder:
        return _decoder_logits(model, prompt, replies)
    rows = torch.tensor([[*prompt, *reply] for reply in replies], device=model.device)
    logits: torch.Tensor = model(input_ids=rows, use_cache=False).logits
    return logits[:, len(prompt) - 1 :]


def logits_behind_cache(
    model: PreTrainedModel, cache: PromptCache, rows: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Return logits (rows, L, V) of rows that follow what a cache holds."""
    tokens, seen = _padded(rows, model.device)
    past = seen.new_ones((len(rows), cache.size))
    logits: torch.Tensor = model(
        input_ids=tokens,
        attention_mask=torch.cat([past, seen], dim=1),
        past_key_values=cache.rows(len(rows)),
        use_cache=True,
    ).logits
    return logits


def _padded(
    rows: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows padded at the end, (rows, L), and which tokens are real."""
    length = max(map(len, rows))
    tokens = torch.tensor([[*row, *[0] * (length - len(row))] for row in rows])
    seen = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return tokens.to(device), seen.to(device)


def _decoder_logits(
    model: PreTrainedModel, prompt: Sequence[int], replies: Sequence[Sequence[int]]
) -> torch.Tensor:
    start = _first_decoder_token(model)
    rows = torch.tensor([[start, *reply] for reply in replies], device=model.device)
    encoder_ids = torch.tensor([list(prompt)] * len(replies), device=model.device)
    logits: torch.Tensor = model(
        input_ids=encoder_ids, decoder_input_ids=rows, use_cache=False
    ).logits
    return logits


def _first_decoder_token(model: PreTrainedModel) -> int:
    holders: tuple[Any, ...] = (model.generation_config, model.config)
    for name in ("decoder_start_token_id", "bos_token_id"):
        for holder in holders:
            token = getattr(holder, name, None)
            if token is not None:
                return int(token)
    raise ValueError("the model does not say which token its decoder starts with")
