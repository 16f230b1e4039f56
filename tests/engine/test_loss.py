"""The tree loss against the paper's loop over outcomes, in value and in gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    MixtralConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from diffbench.engine.loss import loss_rows, outcome_loss, tree_loss
from tests.helpers import tiny_llama

PROMPTS = [[3, 7, 9], [4, 4, 8, 11, 2]]
REPLIES = [[[5, 1, 6], [5, 1, 7, 6], [5, 2, 6]], [[9, 6], [5, 1, 6], [5, 1, 6, 6], [3]]]
WEIGHTS = [[0.5, 0.3, 0.2], [0.1, 0.2, 0.3, 0.4]]
CASES = list(zip(PROMPTS, REPLIES, WEIGHTS, strict=True))
COMMON = {
    "vocab_size": 12,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
CONFIGS: dict[str, PretrainedConfig] = {
    "qwen3": Qwen3Config(**COMMON, head_dim=8),
    "gemma2": Gemma2Config(**COMMON, head_dim=8, sliding_window=64),
    "gpt2": GPT2Config(vocab_size=12, n_embd=32, n_layer=2, n_head=4),
    "mixtral": MixtralConfig(**COMMON, num_local_experts=4),
}


@functools.cache
def _model(name: str) -> PreTrainedModel:
    if name == "llama":
        return tiny_llama(12)
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        CONFIGS[name], attn_implementation="eager"
    )
    return model.eval()


def _loop_over_outcomes(model: torch.nn.Module) -> torch.Tensor:
    losses = []
    for prompt, replies, weights in CASES:
        total = torch.zeros(())
        for reply, weight in zip(replies, weights, strict=True):
            logits = model(torch.tensor([[*prompt, *reply]])).logits[0]
            steps = torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
            total = total - weight * steps[range(len(reply)), reply].sum()
        losses.append(total)
    return torch.stack(losses)


def _by_trees(model: PreTrainedModel, max_nodes: int | None = None) -> torch.Tensor:
    losses = []
    for prompt, replies, weights in CASES:
        rows = list(loss_rows(prompt, replies, weights, max_nodes))
        losses.append(tree_loss(model, rows).sum())
    return torch.stack(losses)


def _in_one_batch(model: PreTrainedModel) -> torch.Tensor:
    return tree_loss(model, [row for case in CASES for row in loss_rows(*case)])


def _by_outcomes(model: PreTrainedModel) -> torch.Tensor:
    return torch.stack([outcome_loss(model, *case) for case in CASES])


def _gradients(model: PreTrainedModel, loss: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    torch.autograd.backward(loss.sum())
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


WAYS: dict[str, Callable[[PreTrainedModel], torch.Tensor]] = {
    "one batch": _in_one_batch,
    "a row a prompt": _by_trees,
    "cut after 1 node": functools.partial(_by_trees, max_nodes=1),
    "cut after 3 nodes": functools.partial(_by_trees, max_nodes=3),
    "a row an outcome": _by_outcomes,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["llama", *CONFIGS])
def test_value_and_gradient_equal_the_loop_over_outcomes(name: str, way: str) -> None:
    model = _model(name)
    loss, expected = WAYS[way](model), _loop_over_outcomes(model)
    assert loss.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    ours, theirs = _gradients(model, loss), _gradients(model, expected)
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-4)
