"""Decoding settings against transformers' own logits processors."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from diffbench.engine.decoding import Decoding

SETTINGS = [
    Decoding(),
    Decoding(temperature=0.5),
    Decoding(temperature=1.7),
    Decoding(top_k=5),
    Decoding(top_k=1000),
    Decoding(top_p=0.8),
    Decoding(min_p=0.1),
    Decoding(temperature=1.3, top_k=20, top_p=0.9, min_p=0.02),
]


def _by_transformers(decoding: Decoding, logits: torch.Tensor) -> torch.Tensor:
    steps = LogitsProcessorList([TemperatureLogitsWarper(decoding.temperature)])
    if decoding.top_k:
        steps.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        steps.append(TopPLogitsWarper(decoding.top_p))
    if decoding.min_p > 0:
        steps.append(MinPLogitsWarper(decoding.min_p))
    return torch.softmax(steps(torch.zeros((len(logits), 1)), logits), dim=-1)


@pytest.mark.parametrize("decoding", SETTINGS, ids=str)
def test_equals_transformers(decoding: Decoding) -> None:
    logits = torch.randn((40, 60), generator=torch.Generator().manual_seed(0)) * 3
    ours = decoding.log_probabilities(logits).exp()
    torch.testing.assert_close(ours, _by_transformers(decoding, logits))
    torch.testing.assert_close(ours.sum(-1), torch.ones(40))


def test_the_default_changes_nothing() -> None:
    logits = torch.randn((3, 50))
    assert torch.equal(
        Decoding().log_probabilities(logits), torch.log_softmax(logits, dim=-1)
    )


def test_a_greedy_limit_keeps_the_likeliest_token() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    for decoding in (Decoding(top_k=1), Decoding(top_p=1e-6), Decoding(min_p=0.99)):
        assert decoding.log_probabilities(logits).exp().tolist() == [[0.0, 1.0, 0.0]]
