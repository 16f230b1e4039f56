"""Requests of any task get from the engine what lm-evaluation-harness's `hf` gives them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from diffbench.harness.lm import EngineLM
from diffbench.models.load import LoadedModel
from diffbench.models.spec import ModelSpec
from tests.engine.families import FAMILIES, small_model
from tests.helpers import byte_tokenizer

# Of each scoring path at least two.
NAMES = (
    "Llama",
    "Gemma 2, within its window",
    "GPT-2",
    "OPT",
    "Mixtral",
    "Mistral, beyond its window",
    "BLOOM",
    "Mamba",
    "Jamba (hybrid)",
)
# Models of 256 positions; in the last two a position beyond them does not exist.
OF_256_POSITIONS = ("Llama", "GPT-2", "OPT")
TOLERANCE = 1e-4
CHOICES = (" red", " blue.", " a rather longer answer {10}", " x")


@functools.cache
def _loaded(name: str) -> LoadedModel:
    tokenizer = byte_tokenizer(template=None)
    return LoadedModel(
        spec=ModelSpec(text="hf:tiny", kind="folder", source="tiny", name="tiny"),
        model=small_model(FAMILIES[name], len(tokenizer)),
        tokenizer=tokenizer,
        revision=None,
        weights_fingerprint=None,
        adapter_sha256=None,
    )


def _harness(name: str, batch_size: int) -> Any:
    loaded = _loaded(name)
    return HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size)


def _instances(kind: str, arguments: Sequence[tuple[str, ...]]) -> list[Instance]:
    return [
        Instance(request_type=kind, doc={}, arguments=one, idx=i)
        for i, one in enumerate(arguments)
    ]


def _mixed(pairs: Sequence[tuple[str, str]]) -> list[Instance]:
    """Return requests in an order that tears the continuations of a context apart."""
    order = np.random.default_rng(0).permutation(len(pairs))
    return _instances("loglikelihood", [pairs[i] for i in order])


def _choices() -> list[tuple[str, str]]:
    """Return contexts of several lengths; one token and none at all among them."""
    shared = (
        "Which colour?",
        "Q: Name a colour, any colour that you like at all. A:",
        "Ends in a blank ",
        "a",
        "",
    )
    pairs = [(context, choice) for context in shared for choice in CHOICES]
    pairs += [("Only once.", " yes"), ("b", " no {10}"), ("Another context. A:", " 1")]
    # Said twice; and a reply whose first token is the one that stands for no context.
    return [*pairs, ("Which colour?", " red"), ("", "<s> red")]


def _greedy_pairs(name: str) -> list[tuple[str, str]]:
    """Return contexts, each with what the model says greedily and with something else."""
    loaded = _loaded(name)
    pairs = []
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        context = f"Choice {letter}"
        prompt = loaded.tokenizer.encode(context)
        logits = loaded.model(input_ids=torch.tensor([prompt])).logits[0, -1]
        greedy = int(logits.argmax())
        text = loaded.tokenizer.decode([greedy])
        # Half of a character is no text that could be asked for.
        if loaded.tokenizer.encode(context + text) == [*prompt, greedy]:
            pairs += [(context, text), (context, f"{text}? No.")]
    return pairs


def _assert_same(
    ours: Sequence[tuple[float, bool]], theirs: Sequence[tuple[float, bool]]
) -> None:
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]
    np.testing.assert_allclose(
        [log_p for log_p, _ in ours], [log_p for log_p, _ in theirs], rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("name", NAMES)
def test_choices_get_the_harness_values_in_the_same_order(name: str) -> None:
    requests = _mixed(_choices())
    lm = EngineLM(_loaded(name))
    ours = lm.loglikelihood(requests)
    assert lm.scorer.path is not None
    for batch_size in (1, 4):
        _assert_same(ours, _harness(name, batch_size).loglikelihood(requests))


@pytest.mark.parametrize("name", NAMES)
def test_greedy_replies_are_greedy_for_both(name: str) -> None:
    pairs = _greedy_pairs(name)
    requests = _instances("loglikelihood", pairs)
    ours = EngineLM(_loaded(name)).loglikelihood(requests)
    assert [greedy for _, greedy in ours] == [True, False] * (len(pairs) // 2)
    assert len(pairs) >= 4
    for batch_size in (1, 4):
        _assert_same(ours, _harness(name, batch_size).loglikelihood(requests))


@pytest.mark.parametrize("length", [200, 230, 250, 254, 300])
@pytest.mark.parametrize("name", OF_256_POSITIONS)
def test_what_is_too_long_is_cut_as_the_harness_cuts_it(name: str, length: int) -> None:
    """Of one context's continuations some fit the model's positions and some do not."""
    context = "".join("abcdefghij"[i * i % 10] for i in range(length))
    continuations = ("x", "yz", " red", " blue.", " a longer one", " and 2 that are cut")
    requests = _mixed([(context, continuation) for continuation in continuations])
    lm = EngineLM(_loaded(name))
    assert lm.max_length == 256
    ours = lm.loglikelihood(requests)
    for batch_size in (1, 4):
        _assert_same(ours, _harness(name, batch_size).loglikelihood(requests))


@pytest.mark.parametrize("name", NAMES)
def test_whole_texts_get_the_harness_values(name: str) -> None:
    """All first windows of texts share one context of one token."""
    texts = ("a", "A short text.", "Another one {10}", "A text of many windows. " * 30)
    requests = _instances("loglikelihood_rolling", [(text,) for text in texts])
    ours = EngineLM(_loaded(name)).loglikelihood_rolling(requests)
    for batch_size in (1, 4):
        theirs = _harness(name, batch_size).loglikelihood_rolling(requests)
        # A sum over hundreds of tokens rounds more than one over a few.
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["loglikelihood", "loglikelihood_rolling"])
def test_values_are_kept_for_the_harness_under_the_same_keys(kind: str) -> None:
    choices = _choices()
    texts = [(context + choice,) for context, choice in choices]
    requests = _instances(kind, choices if kind == "loglikelihood" else texts)
    kept: list[dict[str, Any]] = []
    for lm in (EngineLM(_loaded("Llama")), _harness("Llama", 4)):
        lm.cache_hook.dbdict = {}
        getattr(lm, kind)(requests)
        kept.append(lm.cache_hook.dbdict)
    ours, theirs = kept
    assert set(ours) == set(theirs)
    np.testing.assert_allclose(
        [ours[key] for key in theirs], list(theirs.values()), rtol=0, atol=TOLERANCE
    )
