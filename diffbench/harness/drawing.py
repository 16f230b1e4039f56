"""How another task's request asks to draw: settings, stop strings and length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lm_eval.models.utils import (
    handle_stop_sequences,
    normalize_gen_kwargs,
    postprocess_generated_text,
)

from diffbench.engine.decoding import Decoding

__all__ = ["DrawSettings", "draw_settings"]

_KNOWN = {"do_sample", "temperature", "top_p", "top_k", "min_p", "until", "max_gen_toks"}
# transformers draws from this many likeliest tokens where nobody says otherwise.
_TOP_K = 50
# Settings of generation that change what is drawn, with the values that change nothing.
_IDLE: Mapping[str, tuple[object, ...]] = {
    "repetition_penalty": (None, 1.0),
    "no_repeat_ngram_size": (None, 0),
    "typical_p": (None, 1.0),
    "epsilon_cutoff": (None, 0.0),
    "eta_cutoff": (None, 0.0),
    "top_h": (None,),
    "bad_words_ids": (None,),
    "suppress_tokens": (None,),
    "begin_suppress_tokens": (None,),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "sequence_bias": (None,),
    "guidance_scale": (None, 1.0),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "exponential_decay_length_penalty": (None,),
    "num_beams": (None, 1),
    "renormalize_logits": (None, False),
    "watermarking_config": (None,),
    "stop_strings": (None,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawSettings:
    """What decides a reply besides the model and the seed.

    Attributes:
        decoding: Temperature and cut-offs.
        until: Texts that end a reply and do not belong to it.
        max_new_tokens: Longest reply, at least 1.
    """

    decoding: Decoding
    until: tuple[str, ...]
    max_new_tokens: int

    def stops(self, text: str) -> bool:
        """Whether a reply of this text, stop strings visible, has ended."""
        return any(stop and stop in text for stop in self.until)

    def cut(self, text: str) -> str:
        """Cut a reply's text at its first stop string."""
        return str(postprocess_generated_text(text, list(self.until), None))


def draw_settings(
    arguments: Mapping[str, Any], *, default_length: int, end_text: str, generation: Any
) -> DrawSettings | None:
    """Read a request's generation arguments as lm-evaluation-harness does.

    Args:
        arguments: The request's own.
        default_length: Longest reply where the request does not say.
        end_text: Text of the end token, which always stops.
        generation: The model's own settings, which hold where the request is silent.

    Returns:
        None where the request does not sample, or asks for more than the engine does.
    """
    asked = normalize_gen_kwargs(dict(arguments), default_length)
    if not asked.get("do_sample") or set(asked) - _KNOWN or not _is_sound(asked):
        return None
    for name, idle in _IDLE.items():
        if getattr(generation, name, None) not in idle:
            return None

    def setting(name: str, silent: float) -> Any:
        value = asked.get(name, getattr(generation, name, None))
        return silent if value is None else value

    return DrawSettings(
        decoding=Decoding(
            temperature=float(asked["temperature"]),
            top_p=float(setting("top_p", 1.0)),
            top_k=int(setting("top_k", _TOP_K)),
            min_p=float(setting("min_p", 0.0)),
        ),
        until=tuple(handle_stop_sequences(list(asked["until"]), eos=end_text)),
        max_new_tokens=int(asked["max_gen_toks"]),
    )


def _is_sound(asked: Mapping[str, Any]) -> bool:
    """Whether the values are such that the engine draws what the harness would.

    The others are left to the harness, which refuses them or has rules of its own.
    """
    until = asked.get("until")
    return (
        asked.get("temperature") is not None
        and _within(asked["temperature"], 0, math.inf)
        and _within(asked.get("top_p", 1.0), 0, 1)
        and _within(asked.get("top_k", 1), -1, math.inf)
        and isinstance(until, list)
        and all(isinstance(stop, str) and stop for stop in until)
    )


def _within(value: object, above: float, most: float) -> bool:
    if value is None:
        return True
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and above < value <= most  # type: ignore[operator]
