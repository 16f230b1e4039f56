"""Every family of models is scored and sampled exactly, by the path that is documented."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.requests import Continuation, Scores, ScoringRequest
from diffbench.engine.sampling import SampledReply, Sampler
from diffbench.engine.scoring import Scorer, ScoringPath
from tests.engine.families import FAMILIES, LONG_WINDOW, VOCABULARY, small_model

pytestmark = pytest.mark.xdist_group("families")

DOCUMENT = Path(__file__).parents[2] / "docs" / "models.md"
MARKERS = "<!-- table of families -->\n", "<!-- end of table -->\n"
TOLERANCE = 1e-4
LONGEST = 12
STOP, END = 4, 5
DRAWS = 2_000
# Models that read some packed rows wrongly, or all of them.
NOT_PACKED = [name for name, family in FAMILIES.items() if family.path != "packed"]


@functools.cache
def _model(name: str) -> PreTrainedModel:
    return small_model(FAMILIES[name])


@torch.inference_mode()
def _log_p(
    model: PreTrainedModel, prompt: Sequence[int], reply: Sequence[int]
) -> torch.Tensor:
    """Score one reply by one unpadded pass: (len(reply), V) log-probabilities."""
    if model.config.is_encoder_decoder:
        decoder = torch.tensor([[model.config.decoder_start_token_id, *reply[:-1]]])
        encoder = torch.tensor([list(prompt)])
        output = model(input_ids=encoder, decoder_input_ids=decoder, use_cache=False)
    else:
        row = torch.tensor([[*prompt, *reply[:-1]]])
        output = model(input_ids=row, use_cache=False)
    logits = output.logits[0, -len(reply) :]
    return torch.log_softmax(logits.double(), dim=-1)


def _brute_force(
    model: PreTrainedModel, request: ScoringRequest
) -> tuple[NDArray[np.float64], list[bool]]:
    """Return each continuation's log-probability, and whether it is the greedy one."""
    scores, greedy = [], []
    for continuation in request.continuations:
        tokens = list(continuation.tokens)
        steps = _log_p(model, request.prompt, tokens).numpy()
        last = tokens[-1:] if continuation.closers is None else continuation.closers
        before = steps[range(len(tokens) - 1), tokens[:-1]].sum()
        scores.append(before + np.logaddexp.reduce(steps[-1, last]))
        greedy.append(steps.argmax(axis=-1).tolist() == tokens)
    return np.array(scores), greedy


def _greedy_reply(
    model: PreTrainedModel, prompt: Sequence[int], length: int
) -> tuple[int, ...]:
    reply: list[int] = []
    for _ in range(length):
        reply.append(int(_log_p(model, prompt, [*reply, 0])[-1].argmax()))
    return tuple(reply)


def _tokens(rng: np.random.Generator, length: int, high: int = 6) -> tuple[int, ...]:
    return tuple(rng.integers(0, high, size=length).tolist())


def _prompt(rng: np.random.Generator, length: int) -> tuple[int, ...]:
    return tuple(rng.integers(2, VOCABULARY, size=length).tolist())


def _continuation(tokens: tuple[int, ...], *, closed: bool) -> Continuation:
    closers = np.array(sorted({tokens[-1], 30, 31})) if closed else None
    return Continuation(tokens=tokens, closers=closers)


def _requests(model: PreTrainedModel) -> list[ScoringRequest]:
    """Return prompts of several lengths, each with a tree of another size."""
    rng = np.random.default_rng(0)
    prompts = [_prompt(rng, length) for length in (5, 11, 2)]
    long = _tokens(rng, LONGEST)
    many = [long, long[:4], long[:1], *(_tokens(rng, 1 + i % 7) for i in range(20))]
    few = [(7,), (8, 9, 7)]
    greedy = _greedy_reply(model, prompts[2], 4)
    some = [greedy, greedy[:2], (*greedy, 3), (greedy[0] ^ 1,), _tokens(rng, LONGEST)]
    return [
        ScoringRequest(
            prompt=prompt,
            continuations=[
                _continuation(tokens, closed=i % 2 == 1) for i, tokens in enumerate(replies)
            ],
        )
        for prompt, replies in zip(prompts, (many, few, some), strict=True)
    ]


def _support(rng: np.random.Generator, n: int) -> list[Continuation]:
    """Return n continuations, all different."""
    found: dict[tuple[int, ...], None] = {}
    while len(found) < n:
        found[_tokens(rng, int(rng.integers(1, 7)), high=VOCABULARY // 4)] = None
    return [_continuation(tokens, closed=i % 5 == 0) for i, tokens in enumerate(found)]


def _request(prompt: tuple[int, ...], replies: Sequence[tuple[int, ...]]) -> ScoringRequest:
    return ScoringRequest(
        prompt=prompt,
        continuations=[_continuation(tokens, closed=False) for tokens in replies],
    )


def _branching(rng: np.random.Generator, prompt_length: int) -> ScoringRequest:
    replies = [_tokens(rng, 2 + i % 3) for i in range(6)]
    return _request(_prompt(rng, prompt_length), replies)


def _assert_equals_brute_force(
    model: PreTrainedModel, requests: Sequence[ScoringRequest], found: Sequence[Scores]
) -> None:
    for request, scores in zip(requests, found, strict=True):
        expected, greedy = _brute_force(model, request)
        np.testing.assert_allclose(scores.log_p[0], expected, rtol=0, atol=TOLERANCE)
        assert scores.greedy.tolist() == greedy


def _assert_logits_are_right(
    model: PreTrainedModel,
    scorer: Scorer,
    prompt: tuple[int, ...],
    prefixes: Sequence[tuple[int, ...]],
) -> None:
    seen = []
    with torch.inference_mode():
        for members, logits in scorer.next_logits(prompt, prefixes):
            seen += members
            said = torch.log_softmax(logits.double(), dim=-1)
            for i, row in zip(members, said, strict=True):
                plain = _log_p(model, prompt, [*prefixes[i], 0])[-1]
                np.testing.assert_allclose(row, plain, rtol=0, atol=TOLERANCE)
    assert sorted(seen) == list(range(len(prefixes)))


def _sampler(model: PreTrainedModel) -> Sampler:
    return Sampler(model, is_complete=lambda reply: reply[-1] == STOP, ends=[END])


def _sample(sampler: Sampler) -> list[SampledReply]:
    return sampler.sample([3, 17, 8, 22], DRAWS, max_new_tokens=3, seed=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed:
    """What one model does; its path and its cache go into the documents."""

    scores: list[Scores]
    replies: list[SampledReply]
    path: ScoringPath | None
    uses_cache: bool


@functools.cache
def _observed(name: str) -> _Observed:
    model = _model(name)
    scorer, sampler = Scorer(model), _sampler(model)
    return _Observed(
        scores=scorer.score(_requests(model)),
        replies=_sample(sampler),
        path=scorer.path,
        uses_cache=sampler.uses_cache,
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_equal_one_forward_pass_a_reply(name: str) -> None:
    model, observed = _model(name), _observed(name)
    _assert_equals_brute_force(model, _requests(model), observed.scores)
    assert observed.scores[2].greedy.tolist()[:3] == [True, True, False]
    assert observed.path == FAMILIES[name].path


@pytest.mark.parametrize("name", FAMILIES)
def test_no_token_of_the_context_is_without_effect(name: str) -> None:
    """A model that is uniform, or deaf to its context, would pass every other test."""
    model = _model(name)
    prompt = [3, 17, 8, 22]
    said = _log_p(model, prompt, [7, 9, 0])
    assert float(-(said.exp() * said).sum(dim=-1).mean()) < 0.85 * math.log(VOCABULARY)
    for i in range(len(prompt)):
        other = _log_p(model, [*prompt[:i], 30, *prompt[i + 1 :]], [7, 9, 0])
        assert float((other - said)[2].abs().max()) > 100 * TOLERANCE
    swapped = _log_p(model, prompt, [9, 7, 0])
    assert float((swapped - said)[2].abs().max()) > 100 * TOLERANCE


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_after_prefixes_are_those_of_a_pass_of_their_own(name: str) -> None:
    model = _model(name)
    rng = np.random.default_rng(1)
    prompt = _prompt(rng, 7)
    prefixes = sorted({_tokens(rng, length % 5) for length in range(20)})
    _assert_logits_are_right(model, Scorer(model), prompt, prefixes)


@pytest.mark.parametrize("name", FAMILIES)
def test_replies_follow_the_model_with_and_without_its_cache(name: str) -> None:
    model, observed = _model(name), _observed(name)
    assert observed.uses_cache == FAMILIES[name].samples_with_cache
    assert sum(reply.count for reply in observed.replies) == DRAWS

    bare = _sampler(model)
    bare.uses_cache = False
    counts = {reply.tokens: reply.count for reply in observed.replies}
    others = {reply.tokens: reply.count for reply in _sample(bare)}
    moved = sum(
        abs(counts.get(reply, 0) - others.get(reply, 0)) for reply in counts | others
    )
    # The random numbers are the same; rounding may move a draw that lies on a border.
    assert moved <= DRAWS // 200

    first = _log_p(model, [3, 17, 8, 22], [0])[0].exp().tolist()
    drawn = np.zeros(VOCABULARY)
    for tokens, count in counts.items():
        drawn[tokens[0] if tokens else END] += count
    for token, p in enumerate(first):
        error = 5 * math.sqrt(DRAWS * p * (1 - p)) + 3
        assert drawn[token] == pytest.approx(DRAWS * p, abs=error)


@pytest.mark.parametrize("name", ["Llama", "Gemma 2, within its window", "BLOOM"])
def test_two_thousand_answers_are_scored_exactly(name: str) -> None:
    model = _model(name)
    rng = np.random.default_rng(3)
    # Far more nodes than the window has room for; no reply is longer than it.
    request = ScoringRequest(prompt=_prompt(rng, 40), continuations=_support(rng, 2_000))
    assert request.longest < LONG_WINDOW
    scorer = Scorer(model)
    found = scorer.score([request])
    _assert_equals_brute_force(model, [request], found)
    assert scorer.path == FAMILIES[name].path


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if name.endswith("within its window")]
)
def test_a_prompt_with_its_answer_fits_a_window_to_the_last_token(name: str) -> None:
    model = _model(name)
    rng = np.random.default_rng(4)
    replies = [_tokens(rng, length) for length in (1, 3, LONGEST)]
    for length, path in ((LONG_WINDOW, "packed"), (LONG_WINDOW + 1, "shared")):
        request = _request(_prompt(rng, length - LONGEST), replies)
        scorer = Scorer(model)
        _assert_equals_brute_force(model, [request], scorer.score([request]))
        assert scorer.path == path


@pytest.mark.parametrize("name", NOT_PACKED)
def test_short_prompts_are_right_where_only_the_longest_is_unpadded(name: str) -> None:
    """Padding is all that these rows have to hide: no reply branches."""
    model = _model(name)
    rng = np.random.default_rng(5)
    requests = [_request(_prompt(rng, n), [(7,), (3,)]) for n in (30, 18, 4, 11)]
    _assert_equals_brute_force(model, requests, Scorer(model).score(requests))


@pytest.mark.parametrize("length", [1, LONGEST])
@pytest.mark.parametrize("name", NOT_PACKED)
def test_a_long_row_without_branches_says_nothing_of_a_short_one_with_some(
    name: str, length: int
) -> None:
    model = _model(name)
    rng = np.random.default_rng(6)
    scorer = Scorer(model)
    for requests in (
        [_request(_prompt(rng, 40), [_tokens(rng, length)])],
        [_branching(rng, 5)],
        [_branching(rng, 1)],
    ):
        _assert_equals_brute_force(model, requests, scorer.score(requests))


@pytest.mark.parametrize("prompt_length", [1, 5])
@pytest.mark.parametrize("name", NOT_PACKED)
def test_a_large_part_of_a_tree_says_nothing_of_a_part_with_branches(
    name: str, prompt_length: int
) -> None:
    model = _model(name)
    rng = np.random.default_rng(7)
    branches = [(1, 2, 3), (1, 3, 2), (2, 1, 3)]
    # No row holds more tokens than the longest reply, which is a part of its own.
    scorer = Scorer(model, max_tokens=LONGEST)
    request = _request(_prompt(rng, prompt_length), [*branches, (9,) * LONGEST])
    _assert_equals_brute_force(model, [request], scorer.score([request]))


@pytest.mark.parametrize("name", NOT_PACKED)
def test_logits_after_branching_prefixes_are_right_after_a_longer_prompt(
    name: str,
) -> None:
    model = _model(name)
    rng = np.random.default_rng(8)
    scorer = Scorer(model)
    for prompt_length, prefixes in ((40, [()]), (5, [(), (1, 2), (1, 3), (2, 1)])):
        _assert_logits_are_right(model, scorer, _prompt(rng, prompt_length), prefixes)


@pytest.mark.parametrize("name", ["GPT-2", "OPT", "Llama"])
def test_a_prompt_may_fill_all_positions_of_the_model(name: str) -> None:
    model = _model(name)
    rng = np.random.default_rng(9)
    requests = [_request(_prompt(rng, n), [(7,), (3,)]) for n in (256, 255)]
    _assert_equals_brute_force(model, requests, Scorer(model).score(requests))


@pytest.mark.parametrize(
    ("name", "path"), [("Llama", "packed"), ("BLOOM", "plain"), ("BART", "plain")]
)
def test_a_prompt_of_one_token_has_nothing_to_share(name: str, path: ScoringPath) -> None:
    model = _model(name)
    request = ScoringRequest(
        prompt=(9,), continuations=_support(np.random.default_rng(10), 10)
    )
    scorer = Scorer(model)
    _assert_equals_brute_force(model, [request], scorer.score([request]))
    assert scorer.path == path


def _table() -> str:
    """Return the table of the documents, from what the models do."""
    lines = ["| family | transformers class | path | sampling with cache |"]
    lines.append("|---|---|---|---|")
    for name in FAMILIES:
        observed = _observed(name)
        kept = "yes" if observed.uses_cache else "no"
        kind = type(_model(name)).__name__
        lines.append(f"| {name} | `{kind}` | {observed.path} | {kept} |")
    return "\n".join(lines) + "\n"


def test_the_documented_table_is_what_the_models_do() -> None:
    table = _table()
    start, end = MARKERS
    text = DOCUMENT.read_text(encoding="utf-8")
    if os.environ.get("DIFFBENCH_UPDATE_DOCS") == "1":
        before, rest = text.split(start)
        text = before + start + table + end + rest.split(end)[1]
        DOCUMENT.write_text(text, encoding="utf-8")
    (documented,) = re.findall(f"{start}(.*){end}", text, flags=re.DOTALL)
    assert documented == table
