"""Best-first expansion of the tree of replies, with certified masses.

Every reply that was reached has a known probability. What was not reached lies under
open prefixes, whose masses are known too; so what each outcome's probability can still
become is bounded, whatever the model would say there.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from diffbench.engine.decoding import Decoding
from diffbench.engine.requests import Continuation

__all__ = ["Expander", "Expansion", "InvalidReply", "Outlook", "TokenTexts"]

_NEUTRAL = Decoding()
INVALID = -1
_BATCH = 32
# A child below this share of its parent waits, unlisted, until its siblings are done.
_LISTED_SHARE = 1e-3
_SHOWN = 10
_PASSES_FOR_INVALID = 1024
# What stands in a text for bytes that are no whole character yet.
_PARTIAL = "\ufffd"

Prefix = tuple[int, ...]
NextLogits = Callable[
    [Sequence[int], Sequence[Prefix]], Iterator[tuple[list[int], torch.Tensor]]
]


class Outlook(Protocol):
    """What a reply's text means, and what its beginning can still become."""

    def verdict(self, text: str, *, ended: bool) -> int | None:
        """Return the outcome of a reply, -1 if invalid, None if it is not decided yet."""

    def reachable(self, text: str) -> Sequence[int]:
        """Return the outcomes that a reply beginning with this text may still be."""


class TokenTexts(Protocol):
    """The part of a vocabulary that expansion reads."""

    @property
    def texts(self) -> Sequence[str]:
        """Text of each token inside a reply; '' where it says nothing by itself."""

    def decode_reply(self, tokens: Sequence[int]) -> str:
        """Return the text of reply tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidReply:
    """An invalid reply.

    Attributes:
        text: What it says, or, where it is open, how it begins.
        probability: Its own, or that of all replies beginning so that are not listed
            themselves.
        is_open: Whether it goes on.
    """

    text: str
    probability: float
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """What expansion knows of one prompt's K outcomes.

    Attributes:
        lower: (K,) explored probability of each outcome, a lower bound.
        reachable: (K,) unexplored mass that could still become each outcome.
        undecided: Unexplored mass that could still become some outcome.
        invalid: Mass that is certainly invalid.
        replies: The most probable invalid replies.
        passes: Prefixes that the model was asked about.
    """

    lower: NDArray[np.float64]
    reachable: NDArray[np.float64]
    undecided: float
    invalid: float
    replies: tuple[InvalidReply, ...]
    passes: int


@dataclass(order=True, slots=True)
class _Open:
    """Unexplored mass of a prefix: children below `below` that were not taken."""

    priority: float
    prefix: Prefix
    text: str = field(compare=False)
    mass: float = field(compare=False)
    node_mass: float = field(compare=False)
    below: float = field(compare=False, default=np.inf)
    taken: Set[int] = field(compare=False, default=frozenset())


@dataclass(slots=True, kw_only=True)
class _State:
    """What is known so far of one prompt; `viable` may become valid, `doomed` cannot."""

    prompt: Prefix
    max_new_tokens: int
    least: float
    lower: NDArray[np.float64]
    invalid: dict[str, float] = field(default_factory=dict)
    viable: list[_Open] = field(default_factory=list)
    doomed: list[_Open] = field(default_factory=list)
    undecided: float = 0.0
    passes: int = 0


class Expander:
    """Expands the replies to a prompt.

    Args:
        next_logits: Gives the model's logits after prefixes of a reply, prefixes in
            lexicographic order.
        vocabulary: What tokens say.
        outlook: What replies mean.
        ends: Token ids that end a reply without belonging to it.
        n_outcomes: K.
        decoding: Settings under which replies would be drawn.
    """

    def __init__(
        self,
        next_logits: NextLogits,
        vocabulary: TokenTexts,
        outlook: Outlook,
        *,
        ends: Sequence[int],
        n_outcomes: int,
        decoding: Decoding = _NEUTRAL,
    ) -> None:
        self._next_logits = next_logits
        self._vocabulary = vocabulary
        self._outlook = outlook
        self._ends = frozenset(ends)
        self._n_outcomes = n_outcomes
        self._decoding = decoding

    @torch.inference_mode()
    def expand(
        self,
        prompt: Sequence[int],
        *,
        epsilon: float,
        max_new_tokens: int,
        known: Sequence[Continuation] = (),
        max_passes: int = 20_000,
    ) -> Expansion:
        """Expand until at most `epsilon` of the mass is undecided.

        Args:
            prompt: Token ids, at least one.
            epsilon: Undecided mass to stop at, above 0.
            max_new_tokens: Replies of this many tokens are over.
            known: Replies to explore in any case, however improbable.
            max_passes: Most prefixes to ask the model about; where they do not suffice,
                more than `epsilon` stays undecided.
        """
        state = _State(
            prompt=tuple(prompt),
            max_new_tokens=max_new_tokens,
            least=epsilon * _LISTED_SHARE,
            lower=np.zeros(self._n_outcomes),
        )
        self._begin(state, known)
        while state.undecided > epsilon and state.viable and state.passes < max_passes:
            self._step(state, state.viable)
        budget = state.passes + min(max_passes, _PASSES_FOR_INVALID)
        while state.passes < budget and _worth_listing(state, epsilon):
            self._step(state, state.doomed)
        return self._result(state)

    def _begin(self, state: _State, known: Sequence[Continuation]) -> None:
        """Explore every prefix of the known replies."""
        wanted: dict[Prefix, set[int]] = {(): set()}
        for reply in known:
            for i, token in enumerate(reply.tokens):
                wanted.setdefault(reply.tokens[:i], set()).add(token)
            if reply.closers is not None:
                wanted[reply.tokens[:-1]].update(reply.closers.tolist())
        prefixes = sorted(wanted)
        # A parent comes before its children, so its mass is known when they come.
        opened: dict[Prefix, _Open] = {(): _Open(-1.0, (), "", 1.0, 1.0)}
        for i, p in self._next_probabilities(state, prefixes):
            prefix = prefixes[i]
            for entry in self._open(state, opened.pop(prefix), p, wanted[prefix]):
                if entry.prefix in wanted:
                    opened[entry.prefix] = entry
                else:
                    self._sort(state, entry)
        state.passes += len(prefixes)

    def _step(self, state: _State, heap: list[_Open]) -> None:
        """Ask the model about the most probable open prefixes."""
        batch = [heapq.heappop(heap) for _ in range(min(_BATCH, len(heap)))]
        if heap is state.viable:
            state.undecided -= sum(entry.mass for entry in batch)
        for i, p in self._next_probabilities(state, [entry.prefix for entry in batch]):
            for entry in self._open(state, batch[i], p, frozenset()):
                self._sort(state, entry)
        state.passes += len(batch)

    def _next_probabilities(
        self, state: _State, prefixes: Sequence[Prefix]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield each prefix's position and (V,) next-token probabilities."""
        for members, logits in self._next_logits(state.prompt, prefixes):
            log_p = self._decoding.log_probabilities(logits.double())
            yield from zip(members, log_p.exp().cpu().numpy(), strict=True)

    def _open(
        self, state: _State, entry: _Open, p: NDArray[np.float64], wanted: Set[int]
    ) -> Iterator[_Open]:
        """Yield a prefix's probable and wanted children; the others wait under it."""
        masses = entry.node_mass * p
        if np.isinf(entry.below):
            least = max(entry.mass * _LISTED_SHARE, state.least)
        else:
            least = entry.below * _LISTED_SHARE
        waiting = masses < entry.below
        waiting[list(entry.taken)] = False
        listed = waiting & (masses >= least)
        listed[list(wanted)] = True
        rest = float(masses[waiting & ~listed].sum())
        for token in np.flatnonzero(listed).tolist():
            text = self._text_after(entry, token)
            mass = float(masses[token])
            yield _Open(-mass, (*entry.prefix, token), text, mass, mass)
        if rest > 0:
            taken = entry.taken | wanted
            self._push(
                state,
                replace(entry, priority=-rest, mass=rest, below=least, taken=taken),
            )

    def _text_after(self, entry: _Open, token: int) -> str:
        piece = self._vocabulary.texts[token]
        # A token alone may be part of a character, or special; then the whole is decoded.
        if not piece or _PARTIAL in piece or _PARTIAL in entry.text:
            return self._vocabulary.decode_reply((*entry.prefix, token))
        return entry.text + piece

    def _sort(self, state: _State, entry: _Open) -> None:
        """Count a reply that is decided; keep the others open."""
        ends = entry.prefix[-1] in self._ends
        said = entry.text
        if ends:
            said = self._vocabulary.decode_reply(entry.prefix[:-1])
        ended = ends or len(entry.prefix) >= state.max_new_tokens
        verdict = self._outlook.verdict(said, ended=ended)
        if verdict is None:
            self._push(state, entry)
        elif verdict == INVALID:
            state.invalid[said] = state.invalid.get(said, 0.0) + entry.mass
        else:
            state.lower[verdict] += entry.mass

    def _push(self, state: _State, entry: _Open) -> None:
        if self._outlook.reachable(entry.text):
            heapq.heappush(state.viable, entry)
            state.undecided += entry.mass
        else:
            heapq.heappush(state.doomed, entry)

    def _result(self, state: _State) -> Expansion:
        reachable = np.zeros(self._n_outcomes)
        by_text: dict[str, float] = {}
        for entry in state.viable:
            by_text[entry.text] = by_text.get(entry.text, 0.0) + entry.mass
        for text, mass in by_text.items():
            reachable[list(self._outlook.reachable(text))] += mass
        doomed = sum(entry.mass for entry in state.doomed)
        return Expansion(
            lower=state.lower,
            reachable=reachable,
            undecided=float(sum(by_text.values())),
            invalid=float(sum(state.invalid.values()) + doomed),
            replies=_top(state),
            passes=state.passes,
        )


def _worth_listing(state: _State, epsilon: float) -> bool:
    """Whether an open doomed prefix may hold a reply more probable than those shown."""
    if not state.doomed or state.doomed[0].mass <= epsilon:
        return False
    shown = heapq.nlargest(_SHOWN, state.invalid.values())
    return len(shown) < _SHOWN or state.doomed[0].mass > shown[-1]


def _top(state: _State) -> tuple[InvalidReply, ...]:
    replies = [
        InvalidReply(text=text, probability=mass, is_open=False)
        for text, mass in state.invalid.items()
    ]
    begun: dict[str, float] = {}
    for entry in state.doomed:
        begun[entry.text] = begun.get(entry.text, 0.0) + entry.mass
    replies += [
        InvalidReply(text=text, probability=mass, is_open=True)
        for text, mass in begun.items()
    ]
    replies.sort(key=lambda reply: (-reply.probability, reply.text))
    return tuple(replies[:_SHOWN])
