"""Exact scoring against one unpadded forward pass for each reply."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    GPT2Config,
    GPTNeoConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from diffbench.engine.requests import Continuation, ScoringRequest
from diffbench.engine.scoring import Scorer, ScoringPath
from diffbench.errors import ModelError
from tests.helpers import plain_log_p

VOCABULARY = 40
PROMPT = [3, 17, 5, 9, 22]
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
ARCHITECTURES: dict[str, tuple[PretrainedConfig, ScoringPath]] = {
    "llama": (LlamaConfig(**COMMON), "packed"),
    "qwen3": (Qwen3Config(**COMMON, head_dim=8), "packed"),
    "mistral, window longer": (MistralConfig(**COMMON, sliding_window=64), "packed"),
    "gpt2": (GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4), "packed"),
    "mamba": (
        MambaConfig(
            vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=8
        ),
        "plain",
    ),
}


def _model(config: PretrainedConfig) -> PreTrainedModel:
    torch.manual_seed(1)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():
        # Random defaults are so small that a wrong mask would hardly show.
        parameter.data.mul_(4) if parameter.dim() > 1 else None
    return model.eval()


def _continuations(rng: np.random.Generator, n: int = 30) -> list[Continuation]:
    found = []
    for i in range(n):
        tokens = tuple(rng.integers(0, 6, size=rng.integers(1, 7)).tolist())
        closers = np.array(sorted({tokens[-1], 30, 31})) if i % 2 else None
        found.append(Continuation(tokens=tokens, closers=closers))
    return found


def _score(
    scorer: Scorer, continuations: list[Continuation]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    request = ScoringRequest(prompt=tuple(PROMPT), continuations=continuations)
    (scores,) = scorer.score([request])
    return scores.log_p[0], scores.greedy


def _brute_force(model: PreTrainedModel, continuation: Continuation) -> float:
    steps = plain_log_p(model, PROMPT, continuation.tokens)
    score = sum(float(steps[i, token]) for i, token in enumerate(continuation.tokens[:-1]))
    last = [continuation.tokens[-1]]
    if continuation.closers is not None:
        last = continuation.closers.tolist()
    return score + float(torch.logsumexp(steps[-1, last], dim=0))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_brute_force_by_the_expected_path(name: str) -> None:
    config, path = ARCHITECTURES[name]
    model = _model(config)
    continuations = _continuations(np.random.default_rng(0))
    scorer = Scorer(model)
    scores, _ = _score(scorer, continuations)
    assert scorer.path == path
    expected = [_brute_force(model, continuation) for continuation in continuations]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_a_window_shorter_than_the_reply_is_scored_plainly() -> None:
    model = _model(MistralConfig(**COMMON, sliding_window=6))
    continuations = _continuations(np.random.default_rng(0))
    scorer = Scorer(model)
    scores, _ = _score(scorer, continuations)
    expected = [_brute_force(model, continuation) for continuation in continuations]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("max_tokens", [1, 5, 17])
def test_splitting_the_tree_does_not_change_the_answer(max_tokens: int) -> None:
    model = _model(ARCHITECTURES["llama"][0])
    continuations = _continuations(np.random.default_rng(2))
    whole, greedy = _score(Scorer(model), continuations)
    split, split_greedy = _score(Scorer(model, max_tokens=max_tokens), continuations)
    np.testing.assert_allclose(split, whole, atol=1e-5)
    np.testing.assert_array_equal(split_greedy, greedy)


def test_a_limit_that_only_a_larger_tree_meets_is_noticed() -> None:
    """GPT-Neo masks by column, so a large tree leaves its window where a small one fits."""
    config = GPTNeoConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["local"], 2]],
        window_size=24,
        max_position_embeddings=512,
    )
    model = _model(config)
    # The limit stays in the layers; what the configuration says of it need not be known.
    model.config.window_size = 10_000
    rng = np.random.default_rng(0)
    scorer = Scorer(model)
    few = _continuations(rng, 4)
    many = _continuations(rng, 200)
    for continuations in (few, many):
        scores, _ = _score(scorer, continuations)
        expected = [_brute_force(model, continuation) for continuation in continuations]
        np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert scorer.path == "shared"


def test_an_encoder_is_refused() -> None:
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
    )
    with pytest.raises(ModelError, match="not a causal language model"):
        _score(Scorer(_model(config)), _continuations(np.random.default_rng(0)))


def test_greedy_is_the_reply_of_highest_steps() -> None:
    model = _model(ARCHITECTURES["llama"][0])
    greedy: list[int] = []
    for _ in range(4):
        greedy.append(int(plain_log_p(model, PROMPT, [*greedy, 0])[-1].argmax()))
    other = [*greedy[:-1], (greedy[-1] + 1) % VOCABULARY]
    _, flags = _score(
        Scorer(model),
        [Continuation(tokens=tuple(greedy)), Continuation(tokens=tuple(other))],
    )
    assert flags.tolist() == [True, False]


def test_a_model_that_ignores_the_mask_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong packed result must never be returned."""
    model = _model(ARCHITECTURES["llama"][0])
    forward = model.forward

    def deaf(**inputs: object) -> object:
        mask = inputs.get("attention_mask")
        if isinstance(mask, torch.Tensor) and mask.dim() == 4:
            inputs["attention_mask"] = None
        return forward(**inputs)

    continuations = _continuations(np.random.default_rng(0))
    scorer = Scorer(model)
    monkeypatch.setattr(model, "forward", deaf)
    scores, _ = _score(scorer, continuations)
    assert scorer.path == "shared"
    monkeypatch.undo()
    expected = [_brute_force(model, continuation) for continuation in continuations]
    np.testing.assert_allclose(scores, expected, atol=1e-4)
