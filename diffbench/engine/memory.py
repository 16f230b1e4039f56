"""How much fits into memory at once: rows and tokens of a forward pass."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from diffbench.engine.configs import config_numbers

__all__ = ["rows_that_fit", "tokens_that_fit"]

_CPU_BUDGET = 1 << 30
_SHARE_OF_FREE = 0.4
# Bytes an entry of the logits costs while it is read: the model's own, in float32, in
# float64, and two temporaries of a sort.
_LOGIT_BYTES = 32
# More tokens at once make nothing faster: the caches of a CPU, the width of a GPU.
_MOST_TOKENS = {"cpu": 512}
_MOST_TOKENS_ELSEWHERE = 4096
_MOST_ROWS = 1024


def tokens_that_fit(model: PreTrainedModel) -> int:
    """Return how many tokens' logits one packed forward pass may hold."""
    most = _MOST_TOKENS.get(model.device.type, _MOST_TOKENS_ELSEWHERE)
    each = _vocabulary_size(model) * _LOGIT_BYTES + _state_bytes(model)
    return max(1, min(most, _budget(model.device) // each))


def rows_that_fit(model: PreTrainedModel, length: int) -> int:
    """Return how many rows of `length` tokens may keep their keys and values.

    Args:
        model: A causal language model.
        length: Tokens of a row, prompt included.
    """
    each = _vocabulary_size(model) * _LOGIT_BYTES + length * _state_bytes(model)
    return max(1, min(_MOST_ROWS, _budget(model.device) // each))


def _budget(device: torch.device) -> int:
    if device.type != "cuda":
        return _CPU_BUDGET
    free, _ = torch.cuda.mem_get_info(device)
    # What torch has reserved and not filled counts as free.
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int((free + idle) * _SHARE_OF_FREE)


def _vocabulary_size(model: PreTrainedModel) -> int:
    return int(model.config.get_text_config().vocab_size)


def _state_bytes(model: PreTrainedModel) -> int:
    """Return the bytes that a token's keys and values take over all layers."""
    config = model.config.get_text_config()
    heads = max(config_numbers(model, "num_attention_heads"), default=1)
    width = max(config_numbers(model, "head_dim") or [config.hidden_size // heads])
    kept = max(config_numbers(model, "num_key_value_heads"), default=heads)
    # Copied once while rows are chosen.
    return int(2 * 2 * config.num_hidden_layers * kept * width * model.dtype.itemsize)
