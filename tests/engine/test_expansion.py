"""Expansion against the enumeration of every reply."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import MambaConfig, MambaForCausalLM, PreTrainedModel

from diffbench.engine.decoding import Decoding
from diffbench.engine.expansion import INVALID, Expander, Expansion
from diffbench.engine.requests import Continuation, ScoringRequest
from diffbench.engine.scoring import Scorer
from tests.helpers import plain_log_p, tiny_llama

TEXTS = ["{", "}", "1", "0", "10", "a", "1}", ""]
END = 7
ANSWERS = ["{1}", "{10}", "{0}"]
PROMPT = [1, 2, 3]
LENGTH = 4


class Words:
    """Tokens that spell their own texts; the last one says nothing."""

    texts: Sequence[str] = TEXTS

    def decode_reply(self, tokens: Sequence[int]) -> str:
        return "".join(TEXTS[token] if token != END else "<end>" for token in tokens)


class Reader:
    """`{answer}` from the first character on."""

    def verdict(self, text: str, *, ended: bool) -> int | None:
        if not ended and "}" not in text:
            return None
        said = text[: text.find("}") + 1]
        return ANSWERS.index(said) if said in ANSWERS else INVALID

    def reachable(self, text: str) -> list[int]:
        return [i for i, answer in enumerate(ANSWERS) if answer.startswith(text)]


def _truth(
    model: PreTrainedModel, decoding: Decoding
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Enumerate every reply: outcomes' probabilities, and those of invalid texts."""
    outcomes: NDArray[np.float64] = np.zeros(len(ANSWERS))
    invalid: dict[str, float] = {}

    def visit(prefix: tuple[int, ...], mass: float) -> None:
        logits = plain_log_p(model, PROMPT, [*prefix, 0])[-1]
        for token, q in enumerate(decoding.log_probabilities(logits).exp().tolist()):
            child = (*prefix, token)
            text = Words().decode_reply(prefix if token == END else child)
            ended = token == END or len(child) >= LENGTH
            verdict = Reader().verdict(text, ended=ended)
            if verdict is None:
                visit(child, mass * q)
            elif verdict == INVALID:
                invalid[text] = invalid.get(text, 0.0) + mass * q
            else:
                outcomes[verdict] += mass * q

    visit((), 1.0)
    return outcomes, invalid


@functools.cache
def _model(seed: int) -> PreTrainedModel:
    return tiny_llama(len(TEXTS), seed=seed, spread=0.6)


@functools.cache
def _known_truth(
    seed: int, decoding: Decoding
) -> tuple[NDArray[np.float64], dict[str, float]]:
    return _truth(_model(seed), decoding)


def _expand(
    model: PreTrainedModel,
    epsilon: float,
    *,
    decoding: Decoding | None = None,
    known: Sequence[Continuation] = (),
) -> Expansion:
    expander = Expander(
        _checked_scorer(model).next_logits,
        Words(),
        Reader(),
        ends=[END],
        n_outcomes=len(ANSWERS),
        decoding=decoding or Decoding(),
    )
    return expander.expand(PROMPT, epsilon=epsilon, max_new_tokens=LENGTH, known=known)


def _checked_scorer(model: PreTrainedModel) -> Scorer:
    scorer = Scorer(model)
    reply = Continuation(tokens=(0, 2, 1))
    scorer.score([ScoringRequest(prompt=tuple(PROMPT), continuations=[reply])])
    return scorer


DECODINGS = st.sampled_from(
    [Decoding(), Decoding(temperature=0.5), Decoding(temperature=2.0, top_p=0.9)]
)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 5), st.floats(1e-6, 0.9), DECODINGS, st.booleans())
def test_bounds_hold_the_truth_and_the_rest_is_small(
    seed: int, epsilon: float, decoding: Decoding, with_known: bool
) -> None:
    truth, _ = _known_truth(seed, decoding)
    known = [Continuation(tokens=(0, 2, 1), closers=np.array([1]))] if with_known else []
    found = _expand(_model(seed), epsilon, decoding=decoding, known=known)
    assert found.undecided <= epsilon
    assert np.all(found.lower <= truth + 1e-6)
    assert np.all(truth <= found.lower + found.reachable + 1e-6)
    assert truth.sum() <= found.lower.sum() + found.undecided + 1e-6
    whole = found.lower.sum() + found.undecided + found.invalid
    assert whole == pytest.approx(1, abs=1e-5)


def test_a_small_epsilon_gives_the_distribution_itself() -> None:
    truth, _ = _known_truth(0, Decoding())
    found = _expand(_model(0), 1e-9)
    np.testing.assert_allclose(found.lower, truth, atol=1e-6)
    assert found.reachable.max() < 1e-8


def test_known_replies_are_explored_however_improbable() -> None:
    model = _model(0)
    sequences = [(0, 2, 1), (0, 6), (0, 3, 1), (0, 4, 1)]
    known = [Continuation(tokens=tokens, closers=None) for tokens in sequences]
    found = _expand(model, 0.99, known=known)
    request = ScoringRequest(prompt=tuple(PROMPT), continuations=known)
    (scores,) = Scorer(model).score([request])
    p = np.exp(scores.log_p[0])
    expected = np.array([p[0] + p[1], p[3], p[2]])
    assert np.all(found.lower >= expected - 1e-6)
    assert np.all(found.lower > 0)


def test_the_commonest_invalid_replies_are_listed_with_their_probability() -> None:
    _, invalid = _known_truth(1, Decoding())
    found = _expand(_model(1), 1e-4)
    complete = [reply for reply in found.replies if not reply.is_open]
    top = sorted(invalid, key=invalid.__getitem__, reverse=True)[:3]
    assert [reply.text for reply in complete[:3]] == top
    for reply in complete:
        assert reply.probability <= invalid[reply.text] + 1e-6
    for reply in complete[:3]:
        assert reply.probability == pytest.approx(invalid[reply.text], abs=1e-3)


def test_a_model_without_a_packed_path_expands_the_same() -> None:
    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=len(TEXTS), hidden_size=16, num_hidden_layers=1, state_size=4
    )
    mamba = MambaForCausalLM(config).eval()
    truth, _ = _truth(mamba, Decoding())
    found = _expand(mamba, 1e-4)
    assert np.all(found.lower <= truth + 1e-6)
    assert np.all(truth <= found.lower + found.reachable + 1e-6)


def test_a_packed_row_that_is_read_wrongly_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The path behind a cache is compared by itself."""
    model = tiny_llama(len(TEXTS), seed=0, spread=0.6)
    truth, _ = _truth(model, Decoding())
    scorer = _checked_scorer(model)
    forward = model.forward

    def deaf(**inputs: object) -> object:
        mask = inputs.get("attention_mask")
        if isinstance(mask, torch.Tensor) and mask.dim() == 4:
            inputs["attention_mask"] = None
        return forward(**inputs)

    monkeypatch.setattr(model, "forward", deaf)
    expander = Expander(
        scorer.next_logits, Words(), Reader(), ends=[END], n_outcomes=len(ANSWERS)
    )
    found = expander.expand(PROMPT, epsilon=1e-6, max_new_tokens=LENGTH)
    assert scorer.path == "plain"
    np.testing.assert_allclose(found.lower, truth, atol=1e-5)
