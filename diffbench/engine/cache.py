"""A prompt's keys and values, computed once and handed to many rows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

__all__ = ["PromptCache"]


class PromptCache:
    """The model's state after some tokens.

    Args:
        model: A causal language model in evaluation mode.
        tokens: At least one token id.
        whole: Keep every token's keys and values, also of layers that look back over a
            window only; a packed mask speaks of them all.

    Raises:
        ValueError: If the model keeps no state that rows can share.
    """

    def __init__(
        self, model: PreTrainedModel, tokens: Sequence[int], *, whole: bool = False
    ) -> None:
        self.size = len(tokens)
        self._device = model.device
        given = DynamicCache() if whole else None
        output = model(
            input_ids=torch.tensor([list(tokens)], device=model.device),
            past_key_values=given,
            use_cache=True,
        )
        cache = getattr(output, "past_key_values", None)
        if cache is None or not hasattr(cache, "reorder_cache"):
            raise ValueError("the model keeps no keys and values that rows could share")
        self._cache: Any = cache
        self.logits: torch.Tensor = output.logits[0, -1]
        """(V,) what the model says after the last token."""

    def rows(self, n: int) -> Any:
        """Return a copy of the cache for n rows."""
        cache = copy.deepcopy(self._cache)
        cache.reorder_cache(torch.zeros(n, dtype=torch.int64, device=self._device))
        return cache
