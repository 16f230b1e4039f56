"""What a model's configuration says, also where its layers differ."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

__all__ = ["config_numbers"]


def config_numbers(model: PreTrainedModel, name: str) -> list[int]:
    """Return every whole number above 0 that the layers of a model have under a name."""
    config = model.config.get_text_config()
    try:
        values: list[Any] = [getattr(config, name, None)]
    except RuntimeError:
        # Where layers differ (Gemma 4), transformers refuses to name one value for all.
        values = [getattr(layer, name, None) for layer in config.per_layer_config]
    # 0 is how some configurations (Qwen2-MoE) write "none".
    return [value for value in values if isinstance(value, int) and value > 0]
