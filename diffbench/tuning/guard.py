"""What keeps the rest of a model as it was: its own replies to plain questions.

The penalty is KL(base || tuned) at each token of the base model's greedy reply, where the
base model is the same weights with the adapter switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedModel

from diffbench.tuning.recipe import Guard

__all__ = ["PlainReply", "ReplyGuard", "greedy_replies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainReply:
    """A plain question and what the base model says to it, as token ids."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]


@torch.inference_mode()
def greedy_replies(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    ends: Sequence[int],
    max_new_tokens: int = 64,
) -> list[PlainReply]:
    """Return each prompt's greedy reply, its end token included."""
    found = []
    # Settings of the model's own, such as a repetition penalty, are not its replies.
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=list(ends),
        pad_token_id=ends[0],
    )
    for prompt in prompts:
        ids = torch.tensor([list(prompt)], device=model.device)
        generated: Any = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            generation_config=greedy,
        )
        reply = tuple(generated[0, len(prompt) :].tolist())
        found.append(PlainReply(prompt=tuple(prompt), reply=reply))
    return found


class ReplyGuard:
    """Draws the questions of each step.

    Args:
        replies: The base model's replies, at least one.
        settings: Weight and number of questions.
        base: The model with its adapter, which can switch it off.
    """

    def __init__(self, replies: Sequence[PlainReply], settings: Guard, base: Any) -> None:
        self._replies = replies
        self._settings = settings
        self._base = base

    def units(self, rng: np.random.Generator) -> list[_GuardUnit]:
        """Return this step's penalty."""
        n = min(self._settings.questions_per_step, len(self._replies))
        chosen = rng.choice(len(self._replies), size=n, replace=False)
        replies = [self._replies[i] for i in chosen]
        return [_GuardUnit(replies, self._settings.weight / n, self._base)]


@dataclass(frozen=True, slots=True)
class _GuardUnit:
    replies: Sequence[PlainReply]
    weight: float
    base: Any

    def loss(self, model: PreTrainedModel) -> torch.Tensor:
        rows = [[*one.prompt, *one.reply] for one in self.replies]
        longest = max(map(len, rows))
        # Padded at their ends, where a causal model does not look.
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        seen = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows])
        asked = {
            "input_ids": ids.to(model.device),
            "attention_mask": seen.to(model.device),
            "use_cache": False,
        }
        with torch.no_grad(), self.base.disable_adapter():
            before = self.base(**asked).logits
        after = model(**asked).logits
        total: torch.Tensor = after.new_zeros((), dtype=torch.float32)
        for row, one in enumerate(self.replies):
            steps = slice(len(one.prompt) - 1, len(one.prompt) + len(one.reply) - 1)
            base = torch.log_softmax(before[row, steps].float(), dim=-1)
            tuned = torch.log_softmax(after[row, steps].float(), dim=-1)
            total = total + (base.exp() * (base - tuned)).sum(-1).mean()
        return self.weight * total
