"""The tree loss against the paper's loop over outcomes, in value and in gradient."""

from __future__ import annotations

import pytest
import torch

from diffbench.engine.loss import tree_loss
from diffbench.engine.tree import build_tree
from tests.helpers import tiny_llama

PROMPTS = [[3, 7, 9], [4, 4, 8, 11, 2]]
REPLIES = [[[5, 1, 6], [5, 1, 7, 6], [5, 2, 6]], [[9, 6], [5, 1, 6], [5, 1, 6, 6], [3]]]
WEIGHTS = [[0.5, 0.3, 0.2], [0.1, 0.2, 0.3, 0.4]]


def _loop_over_outcomes(model: torch.nn.Module) -> torch.Tensor:
    losses = []
    for prompt, replies, weights in zip(PROMPTS, REPLIES, WEIGHTS, strict=True):
        total = torch.zeros(())
        for reply, weight in zip(replies, weights, strict=True):
            logits = model(torch.tensor([[*prompt, *reply]])).logits[0]
            steps = torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
            total = total - weight * steps[range(len(reply)), reply].sum()
        losses.append(total)
    return torch.stack(losses)


def test_value_and_gradient_equal_the_loop_over_outcomes() -> None:
    model = tiny_llama(12)
    loss = tree_loss(model, PROMPTS, [build_tree(r) for r in REPLIES], WEIGHTS)
    torch.autograd.backward(loss.sum())
    ours = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    expected = _loop_over_outcomes(model)
    torch.autograd.backward(expected.sum())
    theirs = [p.grad for p in model.parameters() if p.grad is not None]
    assert loss.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-4)
