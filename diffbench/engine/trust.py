"""When a faster way of asking a model is believed, and how a model says no to it."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

__all__ = ["REFUSALS", "tolerance"]

# Architectures refuse what they cannot do each in their own way.
REFUSALS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)

_TOLERANCE = {torch.float32: 2e-3, torch.float64: 1e-6}
_LOW_PRECISION_TOLERANCE = 0.2


def tolerance(model: PreTrainedModel) -> float:
    """Return the largest difference in nats between two honest computations.

    Of one log-probability, be it of a token or of a whole continuation.
    """
    return _TOLERANCE.get(model.dtype, _LOW_PRECISION_TOLERANCE)
