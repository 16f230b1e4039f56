"""Repeated requests of lm-eval tasks: the law, stops and order of the harness's own `hf`.

The model is random but says a dozen tokens only, merged ones among them, so that every
reply of a few tokens can be enumerated and stop strings come within and across tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from diffbench.harness.lm import EngineLM
from diffbench.models.load import LoadedModel
from tests.engine.laws import (
    ALPHA,
    ReplyTree,
    Step,
    goodness_of_fit,
    homogeneity,
    matrix,
    multinomial_moments,
    warped,
)
from tests.helpers import byte_tokenizer, tiny_llama

CONTEXT, OTHER = "Say some words: a", "Say some words: b"
SAID = ("a", "b", "c", "0", "1", "10", "}", "}.", "Ġ", "Ċ", "<s>", "</s>")
N = 2_000
# Many small samplings: how many, replies of each, and how many of them are looked at.
SEEDS, EACH, FIRST = 400, 60, 20
# Texts whose counts are compared jointly: the likeliest.
JOINT = 6
# Arguments as tasks write them, and the same settings by transformers' own classes.
ASKED: dict[str, tuple[dict[str, Any], Step]] = {
    "top_p and stops within tokens": (
        {"temperature": 0.8, "top_p": 0.95, "until": [".", "c"], "max_gen_toks": 3},
        warped(temperature=0.8, top_k=50, top_p=0.95),
    ),
    "stops across tokens": (
        {"temperature": 0.8, "top_p": 1.0, "until": ["10", "ab", "\n"], "max_gen_toks": 3},
        warped(temperature=0.8, top_k=50),
    ),
    "a lone stop, top_k, another name of the length": (
        {"temperature": 1.5, "top_k": 6, "until": "}", "max_new_tokens": 3},
        warped(temperature=1.5, top_k=6),
    ),
    "no stop, min_p, sampling by temperature alone": (
        {"do_sample": None, "temperature": 1.0, "min_p": 0.1, "max_gen_toks": 2},
        warped(top_k=50, min_p=0.1),
    ),
}
PLAIN, PLAIN_STEP = ASKED["top_p and stops within tokens"]
SHORT = PLAIN | {"max_gen_toks": 2}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return byte_tokenizer(template=None)


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    model = tiny_llama(len(tokenizer), seed=5, spread=0.25)
    bias = torch.full((len(tokenizer),), -1e4)
    bias[tokenizer.convert_tokens_to_ids(SAID)] = 0.0
    model.lm_head.bias = torch.nn.Parameter(bias, requires_grad=False)
    return model


@pytest.fixture(scope="module")
def plain(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> HFLM:
    return HFLM(pretrained=model, tokenizer=tokenizer, batch_size=500)


@pytest.fixture(scope="module")
def loaded(
    demo: LoadedModel, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> LoadedModel:
    return replace(demo, model=model, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def engine(loaded: LoadedModel) -> EngineLM:
    return EngineLM(loaded)


def _requests(asked: dict[str, Any], n: int, context: str = CONTEXT) -> list[Instance]:
    return [
        Instance(
            request_type="generate_until",
            doc={},
            arguments=(context, {"do_sample": True} | asked),
            idx=i,
        )
        for i in range(n)
    ]


def _by_engine(lm: EngineLM, asked: dict[str, Any], n: int, seed: int = 0) -> list[str]:
    lm.seed = seed
    replies: list[str] = lm.generate_until(_requests(asked, n), disable_tqdm=True)
    return replies


def _by_harness(lm: HFLM, asked: dict[str, Any], n: int, seed: int = 0) -> list[str]:
    torch.manual_seed(seed)
    replies: list[str] = lm.generate_until(_requests(asked, n), disable_tqdm=True)
    return replies


def _stops(asked: dict[str, Any]) -> list[str]:
    until = asked.get("until", [])
    return [until] if isinstance(until, str) else until


def _grouped(replies: list[str]) -> list[str]:
    """Put equal replies side by side, in an order that says nothing of the texts."""
    groups = list(Counter(replies).items())
    return [reply for reply, count in groups for _ in range(count)]


def _tree(lm: HFLM, asked: dict[str, Any]) -> ReplyTree:
    stops = _stops(asked)

    def is_complete(reply: Sequence[int]) -> bool:
        text = lm.tokenizer.decode(reply, skip_special_tokens=False)
        return any(stop in text for stop in stops)

    return ReplyTree(
        model=lm.model,
        prompt=lm.tokenizer.encode(CONTEXT),
        is_complete=is_complete,
        ends=[lm.tokenizer.eos_token_id],
        length=asked.get("max_gen_toks") or asked["max_new_tokens"],
    )


def _law(lm: HFLM, asked: dict[str, Any], step: Step) -> dict[str, float]:
    """Enumerate the law of the texts that the harness returns."""
    law: dict[str, float] = {}
    for reply, mass in _tree(lm, asked).law(step).items():
        text = lm.tokenizer.decode(reply, skip_special_tokens=True)
        stops = [text.index(stop) for stop in _stops(asked) if stop in text]
        cut = text[: min(stops, default=len(text))]
        law[cut] = law.get(cut, 0.0) + mass
    return law


# One sampling


@pytest.mark.parametrize("name", ASKED)
def test_equals_the_harness_in_law(name: str, engine: EngineLM, plain: HFLM) -> None:
    asked, step = ASKED[name]
    law = _law(plain, asked, step)
    drawn = Counter(_by_engine(engine, asked, N))
    generated = Counter(_by_harness(plain, asked, N))
    assert goodness_of_fit(drawn, law) > ALPHA
    assert goodness_of_fit(generated, law) > ALPHA
    assert homogeneity(drawn, generated) > ALPHA


@pytest.mark.parametrize(
    "change",
    [{"temperature": 0.95}, {"top_p": 0.8}, {"until": ["c"]}, {"max_gen_toks": 2}],
    ids=str,
)
def test_other_arguments_are_another_law(
    change: dict[str, Any], engine: EngineLM, plain: HFLM
) -> None:
    law = _law(plain, PLAIN, PLAIN_STEP)
    drawn = Counter(_by_engine(engine, PLAIN | change, N))
    assert goodness_of_fit(drawn, law) < ALPHA
    assert homogeneity(drawn, Counter(_by_harness(plain, PLAIN, N))) < ALPHA


def test_a_request_silent_on_top_k_draws_from_as_many_tokens_as_the_harness(
    loaded: LoadedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    wide = tiny_llama(len(tokenizer), seed=5, spread=0.1)
    engine = EngineLM(replace(loaded, model=wide))
    plain = HFLM(pretrained=wide, tokenizer=tokenizer, batch_size=500)
    asked = {"temperature": 1.0, "max_gen_toks": 1}
    drawn = Counter(_by_engine(engine, asked, N))
    generated = Counter(_by_harness(plain, asked, N))
    assert goodness_of_fit(drawn, _law(plain, asked, warped(top_k=50))) > ALPHA
    assert goodness_of_fit(drawn, _law(plain, asked, warped(top_k=60))) < ALPHA
    assert homogeneity(drawn, generated) > ALPHA


@pytest.mark.parametrize("name", list(ASKED)[:3])
def test_stop_strings_end_replies_and_are_not_in_them(name: str, engine: EngineLM) -> None:
    asked, _ = ASKED[name]
    replies = _by_engine(engine, asked, N)
    unstopped = _by_engine(engine, asked | {"until": []}, N)
    for stop in _stops(asked):
        assert not any(stop in reply for reply in replies)
        assert any(stop in reply for reply in unstopped)


def test_of_overlapping_stop_strings_the_first_to_come_ends_the_reply(
    engine: EngineLM, plain: HFLM
) -> None:
    # In a batch the harness itself draws on after a stop, and cuts at "1 " before "11".
    asked = {"temperature": 1.0, "until": ["1 ", "11"], "max_gen_toks": 3}
    drawn = Counter(_by_engine(engine, asked, N))
    assert goodness_of_fit(drawn, _law(plain, asked, warped(top_k=50))) > ALPHA


def test_a_stop_inside_a_token_or_a_special_one_ends_the_drawing(
    engine: EngineLM, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    read: list[int] = []

    def note(_: object, __: object, arguments: dict[str, Any]) -> None:
        read.append(arguments["input_ids"].shape[1])

    asked = {
        "temperature": 1.0,
        "until": ["<s>", "a", "b", "c", "0", "1", "}", " ", "\n"],
        "max_gen_toks": 20,
    }
    handle = model.register_forward_pre_hook(note, with_kwargs=True)
    replies = _by_engine(engine, asked, N)
    handle.remove()
    assert set(replies) == {""}
    # Whatever comes first holds a stop, so nothing is read but the prompt: all of it but
    # its last token, that token, and both together where the two are compared.
    length = len(tokenizer.encode(CONTEXT))
    assert set(read) == {length - 1, 1, length}
    assert read.count(1) == 1


# Order


@pytest.fixture(scope="module")
def samplings(engine: EngineLM) -> list[list[str]]:
    """Small samplings, one a seed."""
    return [_by_engine(engine, SHORT, EACH, seed) for seed in range(SEEDS)]


def _first_moments(samplings: list[list[str]], law: dict[str, float]) -> float:
    """Return the p-value that the first replies are as many independent ones."""
    texts = sorted(law, key=law.__getitem__)[-JOINT:]
    counts = matrix([Counter(replies[:FIRST]) for replies in samplings], texts)
    return multinomial_moments(counts, FIRST, np.array([law[text] for text in texts]))


def _first_pairs(samplings: list[list[str]], law: dict[str, float]) -> float:
    """Return the p-value that the first two replies are two independent ones."""
    pairs = {(one, two): p * q for one, p in law.items() for two, q in law.items()}
    drawn = Counter((replies[0], replies[1]) for replies in samplings)
    return goodness_of_fit(drawn, pairs)


def test_the_first_replies_are_a_sample_themselves(
    samplings: list[list[str]], plain: HFLM
) -> None:
    law = _law(plain, SHORT, PLAIN_STEP)
    assert _first_pairs(samplings, law) > ALPHA
    assert _first_moments(samplings, law) > ALPHA
    assert min(len(set(replies[:FIRST])) for replies in samplings) >= 4


@pytest.mark.parametrize("order", [sorted, _grouped])
def test_the_first_of_grouped_replies_are_no_sample(
    order: Callable[[list[str]], list[str]], samplings: list[list[str]], plain: HFLM
) -> None:
    law = _law(plain, SHORT, PLAIN_STEP)
    grouped = [order(replies) for replies in samplings]
    assert _first_pairs(grouped, law) < ALPHA
    assert _first_moments(grouped, law) < ALPHA


def test_halves_of_many_replies_have_one_law(engine: EngineLM) -> None:
    replies = _by_engine(engine, PLAIN, N)
    assert _halves_agree(replies) > ALPHA
    assert _halves_agree(_grouped(replies)) < ALPHA


def _halves_agree(replies: list[str]) -> float:
    half = len(replies) // 2
    return homogeneity(Counter(replies[:half]), Counter(replies[half:]))


# Seeds and batches


def test_one_seed_gives_the_same_replies_and_another_does_not(engine: EngineLM) -> None:
    one = _by_engine(engine, PLAIN, 200, seed=1)
    other = _by_engine(engine, PLAIN, 200, seed=2)
    assert _by_engine(engine, PLAIN, 200, seed=1) == one
    assert Counter(other) != Counter(one)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_other_requests_and_the_batch_size_do_not_matter(
    batch_size: int, loaded: LoadedModel
) -> None:
    lm = EngineLM(loaded, batch_size=batch_size)
    asked = [_requests(PLAIN, 100, context) for context in (CONTEXT, OTHER)]
    alone = [EngineLM(loaded).generate_until(one, disable_tqdm=True) for one in asked]
    assert alone[0] != alone[1]
    mixed = [request for pair in zip(*asked, strict=True) for request in pair]
    together = lm.generate_until(mixed, disable_tqdm=True)
    assert [together[::2], together[1::2]] == alone
