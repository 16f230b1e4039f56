"""Laws of replies by brute force, and decisions whether counts follow a law.

Nothing here uses the engine. Every decision returns a p-value, so that it can be made on
the right sampler and on wrong ones alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, product
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, chisquare, kstest, norm
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    PreTrainedModel,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

__all__ = [
    "ALPHA",
    "Numbers",
    "Reply",
    "ReplyTree",
    "Split",
    "Step",
    "goodness_of_fit",
    "homogeneity",
    "matrix",
    "multinomial_moments",
    "no_covariance",
    "split_independently",
    "uniformity",
    "warped",
]

# Bonferroni: the tests that use this make fewer than 100 decisions, so a right sampler
# passes all of them with a probability of more than 99 % over the choice of the seeds.
ALPHA = 1e-4
# Fewer expected draws than this and chi-square's law is only roughly that of its name.
_LEAST_EXPECTED = 10

Reply = tuple[int, ...]
Numbers = NDArray[np.float64]
Step = Callable[[torch.Tensor], torch.Tensor]
"""Turns the model's logits (1, V) into what the next token is drawn from, (1, V)."""
Split = Callable[[Numbers, int, Reply], Sequence[int]]
"""Splits a count over tokens: their probabilities, the count, and the prefix."""
_Key = TypeVar("_Key", bound=Hashable)


def warped(
    *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0
) -> Step:
    """Apply settings by transformers' own classes, in the order of its generation."""
    steps: list[LogitsProcessor] = [TemperatureLogitsWarper(temperature)]
    if top_k:
        steps.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        steps.append(TopPLogitsWarper(top_p))
    if min_p:
        steps.append(MinPLogitsWarper(min_p))
    warpers = LogitsProcessorList(steps)
    no_tokens = torch.zeros((1, 0), dtype=torch.long)
    return lambda logits: torch.softmax(warpers(no_tokens, logits), dim=-1)


@dataclass(slots=True, kw_only=True)
class ReplyTree:
    """All replies of a model to one prompt, each token by an unpadded forward pass.

    Attributes:
        is_complete: Says of a reply that nothing follows its last token.
        ends: Tokens that end a reply without belonging to it.
        length: Most tokens of a reply.
    """

    model: PreTrainedModel
    prompt: Sequence[int]
    is_complete: Callable[[Reply], bool]
    ends: Sequence[int]
    length: int
    _known: dict[Reply, torch.Tensor] = field(default_factory=dict)

    def law(self, step: Step) -> dict[Reply, float]:
        """Return every reply that is possible, with its probability."""
        law: dict[Reply, float] = {}
        for reply, mass in self._replies(step, (), 1.0):
            law[reply] = law.get(reply, 0.0) + mass
        return law

    def draw(self, step: Step, n: int, split: Split) -> Counter[Reply]:
        """Draw n replies; right if `split` is, and then by another algorithm than ours."""
        counts: Counter[Reply] = Counter()
        waiting: list[tuple[Reply, int]] = [((), n)]
        while waiting:
            prefix, count = waiting.pop()
            shares = split(self._next(step, prefix), count, prefix)
            for token, share in enumerate(shares):
                if not share:
                    continue
                reply, ended = self._after(prefix, token)
                if ended:
                    counts[reply] += share
                else:
                    waiting.append((reply, share))
        return counts

    def _replies(
        self, step: Step, prefix: Reply, mass: float
    ) -> Iterator[tuple[Reply, float]]:
        for token, p in enumerate(self._next(step, prefix).tolist()):
            if p == 0:
                continue
            reply, ended = self._after(prefix, token)
            if ended:
                yield reply, mass * p
            else:
                yield from self._replies(step, reply, mass * p)

    def _after(self, prefix: Reply, token: int) -> tuple[Reply, bool]:
        if token in self.ends:
            return prefix, True
        reply = (*prefix, token)
        return reply, len(reply) == self.length or self.is_complete(reply)

    @torch.inference_mode()
    def _next(self, step: Step, prefix: Reply) -> Numbers:
        if prefix not in self._known:
            ids = torch.tensor([[*self.prompt, *prefix]])
            self._known[prefix] = self.model(input_ids=ids, use_cache=False).logits[:, -1]
        probabilities: Numbers = step(self._known[prefix].double())[0].numpy()
        return probabilities


def split_independently(rng: np.random.Generator) -> Split:
    """Return the right split, by numpy's multinomial."""
    return lambda p, count, prefix: rng.multinomial(count, p / p.sum()).tolist()


# Decisions


def goodness_of_fit(counts: Mapping[_Key, int], law: Mapping[_Key, float]) -> float:
    """Return chi-square's p-value of counts under a law; 0 for an impossible outcome."""
    if not set(counts) <= set(law):
        return 0.0
    n = sum(counts.values())
    ordered = sorted(law, key=law.__getitem__)
    expected = np.array([law[key] for key in ordered]) * n
    observed = np.array([counts.get(key, 0) for key in ordered], dtype=float)
    groups = _pooled(expected)
    expected, observed = (
        np.add.reduceat(expected, groups),
        np.add.reduceat(observed, groups),
    )
    return float(chisquare(observed, expected * (n / expected.sum())).pvalue)


def homogeneity(one: Mapping[_Key, int], other: Mapping[_Key, int]) -> float:
    """Return chi-square's p-value of two samples having been drawn from one law."""
    both = {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
    # Equally frequent outcomes must not be in the order of the samples they came from.
    ordered = sorted(both, key=lambda key: (both[key], repr(key)))
    table = np.array([[sample.get(key, 0) for key in ordered] for sample in (one, other)])
    share = min(table.sum(axis=1)) / table.sum()
    groups = _pooled(table.sum(axis=0) * share)
    return float(chi2_contingency(np.add.reduceat(table, groups, axis=1)).pvalue)


def uniformity(p_values: Sequence[float]) -> float:
    """Return the p-value of Kolmogorov and Smirnov that p-values are uniform."""
    return float(kstest(p_values, "uniform").pvalue)


def matrix(samples: Sequence[Mapping[_Key, int]], keys: Sequence[_Key]) -> Numbers:
    """Return counts (samples, keys)."""
    return np.array([[sample.get(key, 0) for key in keys] for sample in samples], float)


def multinomial_moments(counts: Numbers, n: int, p: Numbers) -> float:
    """Return the p-value that counts (samples, outcomes) have a multinomial's moments.

    Every mean n p_i, variance n p_i (1 - p_i) and covariance -n p_i p_j is compared; the
    smallest p-value counts, times their number.
    """
    apart = counts - n * p
    covariance = n * (np.diag(p) - np.outer(p, p))
    worst = [_z(apart[:, i], 0.0) for i in range(len(p))]
    for i, j in combinations_with_replacement(range(len(p)), 2):
        worst.append(_z(apart[:, i] * apart[:, j], covariance[i, j]))
    return _smallest(worst)


def no_covariance(one: Numbers, other: Numbers, n: int, p: Numbers, q: Numbers) -> float:
    """Return the p-value that counts of two samplings, row by row, are uncorrelated."""
    products = product((one - n * p).T, (other - n * q).T)
    return _smallest([_z(left * right, 0.0) for left, right in products])


def _z(values: Numbers, mean: float) -> float:
    error = values.std() / np.sqrt(len(values))
    return float(abs(values.mean() - mean) / error) if error else np.inf


def _smallest(z: Sequence[float]) -> float:
    return float(min(1.0, 2 * norm.sf(max(z)) * len(z)))


def _pooled(expected: Numbers) -> list[int]:
    """Return where groups of ascending expected counts begin, so that none is too rare."""
    starts, inside = [0], 0.0
    for i, each in enumerate(expected):
        if inside >= _LEAST_EXPECTED:
            starts.append(i)
            inside = 0.0
        inside += each
    return starts
