"""The law of the sampler: that of independent replies, alone and jointly.

Each decision is made on the engine's sampler, which must pass, and on samplers that are
wrong in one way, which must be refused by the same function at the same level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from diffbench.engine.decoding import Decoding
from diffbench.engine.sampling import Sampler
from tests.engine.laws import (
    ALPHA,
    Numbers,
    Reply,
    ReplyTree,
    Split,
    Step,
    goodness_of_fit,
    homogeneity,
    matrix,
    multinomial_moments,
    no_covariance,
    split_independently,
    uniformity,
    warped,
)
from tests.helpers import tiny_llama

pytestmark = pytest.mark.xdist_group("sampling law")

VOCABULARY, LENGTH, SHORT = 7, 4, 3
STOP, END = 5, 6
PROMPT, OTHER_PROMPT = (1, 2, 3), (1, 2, 4)
SETTINGS = (
    Decoding(),
    Decoding(temperature=0.7),
    Decoding(top_p=0.9),
    Decoding(top_k=3),
    Decoding(min_p=0.1),
    Decoding(temperature=1.3, top_k=5, top_p=0.95, min_p=0.05),
)
NEUTRAL, WARM, NUCLEUS = SETTINGS[:3]
COMBINED = SETTINGS[-1]
# Outcomes whose counts are compared jointly: the likeliest.
JOINT = 16
# A few short replies a seed, but many seeds.
FEW = 200
SEEDS = 500

Counts = Counter[Reply]
Draw = Callable[[int, int], Counts]
"""Draws n replies under a seed."""


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_llama(VOCABULARY, seed=3)


@pytest.fixture(scope="module")
def tree(model: PreTrainedModel) -> ReplyTree:
    return _tree(model, PROMPT, LENGTH)


@pytest.fixture(scope="module")
def short_tree(model: PreTrainedModel) -> ReplyTree:
    return _tree(model, PROMPT, SHORT)


@pytest.fixture(scope="module")
def other_tree(model: PreTrainedModel) -> ReplyTree:
    return _tree(model, OTHER_PROMPT, SHORT)


def _tree(model: PreTrainedModel, prompt: Reply, length: int) -> ReplyTree:
    return ReplyTree(
        model=model, prompt=prompt, is_complete=_stops, ends=[END], length=length
    )


def _stops(reply: Sequence[int]) -> bool:
    return reply[-1] == STOP


def _step(decoding: Decoding) -> Step:
    return warped(**asdict(decoding))


def _engine(
    model: PreTrainedModel,
    decoding: Decoding = NEUTRAL,
    prompt: Reply = PROMPT,
    *,
    length: int = LENGTH,
    max_rows: int | None = None,
) -> Draw:
    sampler = Sampler(
        model,
        is_complete=_stops,
        ends=[END],
        decoding=decoding,
        max_rows=max_rows,
    )

    def draw(seed: int, n: int) -> Counts:
        found = sampler.sample(prompt, n, max_new_tokens=length, seed=seed)
        return Counter({reply.tokens: reply.count for reply in found})

    return draw


def _by_tree(
    tree: ReplyTree,
    decoding: Decoding = NEUTRAL,
    *,
    step: Step | None = None,
    split: Callable[[np.random.Generator], Split] = split_independently,
) -> Draw:
    """Return a sampler that is right unless the step or the split given is wrong."""
    chosen = step or _step(decoding)
    return lambda seed, n: tree.draw(chosen, n, split(np.random.default_rng(seed)))


# Wrong samplers


def _copied(rng: np.random.Generator) -> Split:
    """Draw the split of half of the replies and use it for the other half too."""

    def split(p: Numbers, count: int, prefix: Reply) -> list[int]:
        half = rng.multinomial(count // 2, p / p.sum())
        rest = rng.multinomial(count % 2, p / p.sum())
        return [int(share) for share in 2 * half + rest]

    return split


def _one_for_all_of_a_length(rng: np.random.Generator) -> Split:
    """Split after all prefixes of one length by the same random numbers.

    Each split by itself is right, and so is each reply's count.
    """
    numbers = rng.random((SHORT, FEW))

    def split(p: Numbers, count: int, prefix: Reply) -> list[int]:
        mine = numbers[len(prefix), :count]
        tokens = np.searchsorted(np.cumsum(p / p.sum()), mine, side="right")
        return [int(share) for share in np.bincount(tokens, minlength=len(p))]

    return split


def _too_even(rng: np.random.Generator) -> Split:
    """Give each token its share but for one reply, which alone is random."""

    def split(p: Numbers, count: int, prefix: Reply) -> list[int]:
        exact = count * p / p.sum()
        whole = np.floor(exact)
        missing = round(count - whole.sum())
        left = exact - whole
        more = rng.multinomial(missing, left / left.sum()) if missing else 0
        return [int(share) for share in whole + more]

    return split


def _off_by_one_token(logits: torch.Tensor, top_p: float, more: int) -> torch.Tensor:
    """Keep a nucleus with one token too many, or without the one that completes it."""
    p, tokens = torch.softmax(logits, dim=-1).sort(dim=-1, descending=True)
    size = int((p.cumsum(dim=-1) - p < top_p).sum())
    kept = p[:, : max(1, size + more)]
    nucleus = torch.zeros_like(logits)
    return nucleus.scatter(-1, tokens[:, : kept.shape[1]], kept / kept.sum())


# One sampling


def _p_values(draw: Draw, law: dict[Reply, float], seeds: range, n: int) -> list[float]:
    return [goodness_of_fit(draw(seed, n), law) for seed in seeds]


def _seeds(place: int, number: int) -> range:
    """Return seeds that no other setting has, whose draws would not be independent."""
    return range(1000 * place, 1000 * place + number)


def test_the_enumerated_law_is_whole_and_ends_as_replies_end(tree: ReplyTree) -> None:
    for decoding in SETTINGS:
        law = tree.law(_step(decoding))
        assert sum(law.values()) == pytest.approx(1, abs=1e-9)
        assert all(END not in reply and STOP not in reply[:-1] for reply in law)
    whole = tree.law(_step(NEUTRAL))
    # All words of up to 3 letters, those with a stop after them, and those of 4.
    assert len(whole) == (1 + 5 + 25 + 125) * 2 + 625


def _uniform_over_seeds(
    model: PreTrainedModel, tree: ReplyTree, seeds: int, n: int
) -> list[float]:
    together: list[float] = []
    for place, decoding in enumerate(SETTINGS):
        law = tree.law(_step(decoding))
        p_values = _p_values(_engine(model, decoding), law, _seeds(place, seeds), n)
        assert uniformity(p_values) > ALPHA, decoding
        together += p_values
    return together


def test_counts_follow_the_exact_law_with_uniform_p_values(
    model: PreTrainedModel, tree: ReplyTree
) -> None:
    together = _uniform_over_seeds(model, tree, seeds=24, n=200_000)
    assert uniformity(together) > ALPHA
    assert min(together) * len(together) > ALPHA


@pytest.mark.slow
def test_many_more_counts_follow_the_exact_law(
    model: PreTrainedModel, tree: ReplyTree
) -> None:
    together = _uniform_over_seeds(model, tree, seeds=100, n=1_000_000)
    assert uniformity(together) > ALPHA
    assert min(together) * len(together) > ALPHA


@pytest.mark.parametrize("decoding", SETTINGS, ids=str)
def test_a_wrong_step_is_refused_by_its_counts(decoding: Decoding, tree: ReplyTree) -> None:
    law = tree.law(_step(decoding))
    warmer = asdict(decoding) | {"temperature": decoding.temperature * 1.1}
    wrong = _by_tree(tree, step=warped(**warmer))
    assert max(_p_values(wrong, law, range(3), 20_000)) < ALPHA
    right = _by_tree(tree, decoding)
    assert uniformity(_p_values(right, law, range(24), 20_000)) > ALPHA


@pytest.mark.parametrize("split", [_copied, _too_even])
def test_a_wrong_split_is_refused_by_its_p_values(
    split: Callable[[np.random.Generator], Split], tree: ReplyTree
) -> None:
    law = tree.law(_step(NEUTRAL))
    p_values = _p_values(_by_tree(tree, split=split), law, range(24), 20_000)
    assert uniformity(p_values) < ALPHA


# Several samplings


def _likeliest(
    tree: ReplyTree, decoding: Decoding = NEUTRAL
) -> tuple[list[Reply], Numbers]:
    law = tree.law(_step(decoding))
    replies = sorted(law, key=law.__getitem__)[-JOINT:]
    return replies, np.array([law[reply] for reply in replies])


def _few_draws(draw: Draw, replies: list[Reply], seeds: range) -> Numbers:
    return matrix([draw(seed, FEW) for seed in seeds], replies)


@pytest.fixture(scope="module")
def neutral_counts(model: PreTrainedModel, short_tree: ReplyTree) -> Numbers:
    """The engine's counts (seeds, likeliest replies)."""
    return _few_draws(_engine(model, length=SHORT), _likeliest(short_tree)[0], range(SEEDS))


def test_counts_of_pairs_have_a_multinomials_moments(
    neutral_counts: Numbers, short_tree: ReplyTree
) -> None:
    _, p = _likeliest(short_tree)
    assert multinomial_moments(neutral_counts, FEW, p) > ALPHA


def test_cut_off_counts_of_pairs_have_a_multinomials_moments(
    model: PreTrainedModel, short_tree: ReplyTree
) -> None:
    replies, p = _likeliest(short_tree, COMBINED)
    counts = _few_draws(_engine(model, COMBINED, length=SHORT), replies, range(SEEDS))
    assert multinomial_moments(counts, FEW, p) > ALPHA


@pytest.mark.parametrize(
    ("split", "passes"),
    [
        (split_independently, True),
        (_copied, False),
        (_too_even, False),
        (_one_for_all_of_a_length, False),
    ],
)
def test_moments_tell_the_right_split_from_wrong_ones(
    split: Callable[[np.random.Generator], Split], passes: bool, short_tree: ReplyTree
) -> None:
    replies, p = _likeliest(short_tree)
    counts = _few_draws(_by_tree(short_tree, split=split), replies, range(SEEDS))
    assert (multinomial_moments(counts, FEW, p) > ALPHA) == passes


def test_only_covariances_tell_a_split_shared_by_prefixes(short_tree: ReplyTree) -> None:
    replies, p = _likeliest(short_tree)
    draw = _by_tree(short_tree, split=_one_for_all_of_a_length)
    counts = _few_draws(draw, replies, range(SEEDS))
    for i in range(JOINT):
        assert multinomial_moments(counts[:, [i]], FEW, p[[i]]) > ALPHA


def test_seeds_are_uncorrelated(neutral_counts: Numbers, short_tree: ReplyTree) -> None:
    _, p = _likeliest(short_tree)
    before, after = neutral_counts[:-1], neutral_counts[1:]
    assert no_covariance(before, after, FEW, p, p) > ALPHA


def test_prompts_under_one_seed_are_uncorrelated(
    neutral_counts: Numbers,
    model: PreTrainedModel,
    short_tree: ReplyTree,
    other_tree: ReplyTree,
) -> None:
    _, p = _likeliest(short_tree)
    others, q = _likeliest(other_tree)
    draw = _engine(model, prompt=OTHER_PROMPT, length=SHORT)
    other = _few_draws(draw, others, range(SEEDS))
    assert no_covariance(neutral_counts, other, FEW, p, q) > ALPHA


def test_random_numbers_shared_by_prompts_are_refused(
    short_tree: ReplyTree, other_tree: ReplyTree
) -> None:
    replies, p = _likeliest(short_tree)
    others, q = _likeliest(other_tree)
    split = _one_for_all_of_a_length
    counts = _few_draws(_by_tree(short_tree, split=split), replies, range(SEEDS))
    other = _few_draws(_by_tree(other_tree, split=split), others, range(SEEDS))
    assert no_covariance(counts, other, FEW, p, q) < ALPHA


# One seed


@pytest.mark.parametrize("decoding", [NEUTRAL, COMBINED], ids=str)
def test_pieces_of_any_size_give_the_same_replies(decoding: Decoding) -> None:
    # In double precision passes with and without a cache are too close to move a draw.
    model = tiny_llama(VOCABULARY, seed=3).double()
    for seed in range(5):
        whole = _engine(model, decoding)(seed, 2_000)
        assert len(whole) > 20
        for max_rows in (1, 2, 3, 7, 50):
            assert _engine(model, decoding, max_rows=max_rows)(seed, 2_000) == whole


def test_what_else_was_drawn_does_not_matter(model: PreTrainedModel) -> None:
    alone = _engine(model)(7, 500)
    draw = _engine(model)
    for seed in (1, 7, 2):
        draw(seed, 300)
    assert draw(7, 500) == alone
    assert draw(8, 500) != alone


# transformers' own generation


@torch.inference_mode()
def _generated(model: PreTrainedModel, decoding: Decoding, seed: int, n: int) -> Counts:
    torch.manual_seed(seed)
    rows = model.generate(
        torch.tensor([PROMPT]),
        attention_mask=torch.ones((1, len(PROMPT)), dtype=torch.long),
        do_sample=True,
        num_return_sequences=n,
        max_new_tokens=LENGTH,
        eos_token_id=[STOP, END],
        pad_token_id=END,
        **asdict(decoding),
    )
    return Counter(_reply(row) for row in rows[:, len(PROMPT) :].tolist())


def _reply(row: list[int]) -> Reply:
    # A stop is followed by padding, which is the end token.
    return tuple(row[: row.index(END)] if END in row else row)


@pytest.mark.parametrize("decoding", SETTINGS, ids=str)
def test_equals_generation_in_law(decoding: Decoding, model: PreTrainedModel) -> None:
    drawn = _engine(model, decoding)(0, 20_000)
    generated = _generated(model, decoding, seed=0, n=20_000)
    assert sum(drawn.values()) == sum(generated.values())
    assert homogeneity(drawn, generated) > ALPHA


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.2])
def test_generation_refuses_another_temperature(
    factor: float, model: PreTrainedModel, tree: ReplyTree
) -> None:
    generated = _generated(model, WARM, seed=1, n=20_000)
    wrong = _by_tree(tree, Decoding(temperature=WARM.temperature * factor))
    assert homogeneity(wrong(0, 20_000), generated) < ALPHA
    assert homogeneity(_by_tree(tree, WARM)(0, 20_000), generated) > ALPHA


@pytest.mark.parametrize("more", [-1, 1])
def test_generation_refuses_a_nucleus_off_by_one_token(
    more: int, model: PreTrainedModel, tree: ReplyTree
) -> None:
    generated = _generated(model, NUCLEUS, seed=2, n=20_000)
    for off, passes in ((0, True), (more, False)):
        step = partial(_off_by_one_token, top_p=NUCLEUS.top_p, more=off)
        drawn = _by_tree(tree, step=step)(0, 20_000)
        assert (homogeneity(drawn, generated) > ALPHA) == passes
