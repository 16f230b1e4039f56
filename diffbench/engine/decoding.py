"""Decoding settings: which distribution a sampler really draws the next token from.

Applied in the order that transformers applies them: temperature, top-k, top-p, min-p.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Decoding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How the next token is drawn; the default is the model's own distribution.

    Attributes:
        temperature: Divides the logits, above 0.
        top_k: Keep the k likeliest tokens; 0 keeps all.
        top_p: Keep the likeliest tokens that together reach this probability, in (0, 1].
        min_p: Keep tokens at least this share as likely as the likeliest, in [0, 1).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    @property
    def is_neutral(self) -> bool:
        """Whether this is the model's own distribution."""
        return (self.temperature, self.top_k, self.top_p, self.min_p) == (1.0, 0, 1.0, 0.0)

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (…, V) log-probabilities of the next token; -inf where it is cut off.

        Args:
            logits: (…, V) as the model gives them, in at least float32.
        """
        scaled = logits if self.temperature == 1 else logits / self.temperature
        log_p = torch.log_softmax(scaled, dim=-1)
        if 0 < self.top_k < log_p.shape[-1]:
            least = log_p.topk(self.top_k, dim=-1).values[..., -1:]
            log_p = _keep(log_p, log_p >= least)
        if self.top_p < 1:
            log_p = _keep(log_p, self._nucleus(log_p))
        if self.min_p > 0:
            least = log_p.max(dim=-1, keepdim=True).values + torch.log(
                torch.tensor(self.min_p, dtype=log_p.dtype, device=log_p.device)
            )
            log_p = _keep(log_p, log_p >= least)
        return log_p

    def _nucleus(self, log_p: torch.Tensor) -> torch.Tensor:
        ordered, tokens = log_p.sort(dim=-1, descending=True, stable=True)
        p = ordered.exp()
        before = p.cumsum(dim=-1) - p
        # The token that crosses the threshold belongs to the nucleus.
        return torch.zeros_like(log_p, dtype=torch.bool).scatter(
            -1, tokens, before < self.top_p
        )


def _keep(log_p: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(log_p.masked_fill(~kept, -torch.inf), dim=-1)
