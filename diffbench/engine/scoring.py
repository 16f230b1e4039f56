"""Exact log-probabilities of many replies to a prompt, by the fastest honest path.

    packed   a prefix tree in one row, each node attending to its ancestors only
    shared   a row a reply, behind the keys and values of their one prompt
    plain    a row a reply, prompt included

Every path but the plain one is compared with it before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from diffbench.engine.configs import config_numbers
from diffbench.engine.decoding import Decoding
from diffbench.engine.memory import tokens_that_fit
from diffbench.engine.packed import PackedPath, RowSize
from diffbench.engine.requests import Scores, ScoringRequest
from diffbench.engine.rowwise import PlainPath, SharedPath
from diffbench.engine.sharing import Sharing
from diffbench.engine.trust import REFUSALS, tolerance
from diffbench.errors import ModelError

__all__ = ["Scorer", "ScoringPath"]

ScoringPath = Literal["packed", "shared", "plain"]

_LIKELY = 1e-3
_CHECKED_PREFIXES = 6
_NEUTRAL = Decoding()
# What configurations call a limit on how far back a token attends.
_WINDOWS = ("sliding_window", "attention_chunk_size", "window_size")


class Scorer:
    """Scores continuations by the fastest path that a model computes correctly.

    Args:
        model: A causal language model in evaluation mode.
        max_tokens: Most tokens in one packed forward pass; by default what fits memory.
        batch_size: Rows of a padded batch on the other paths.
        sharing: How the work is divided among processes.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        max_tokens: int | None = None,
        batch_size: int = 32,
        sharing: Sharing | None = None,
    ) -> None:
        self._model = model
        self._plain = PlainPath(model, batch_size=batch_size, sharing=sharing)
        tokens = max_tokens or tokens_that_fit(model)
        packed = PackedPath(model, max_tokens=tokens, sharing=sharing)
        shared = SharedPath(model, batch_size=batch_size, sharing=sharing)
        self._paths: list[tuple[ScoringPath, PackedPath | SharedPath]] = [
            ("packed", packed),
            ("shared", shared),
        ]
        if model.config.is_encoder_decoder:
            # The prompt is in the encoder, where replies are not.
            self._paths = []
        self._checked: dict[tuple[ScoringPath, bool], tuple[int, ...]] = {}
        self._used: set[ScoringPath] = set()
        self._looked_ahead = bool(model.config.is_encoder_decoder)
        self.check_difference: float | None = None
        """Largest difference in nats from the plain path where a path was believed."""

    @property
    def path(self) -> ScoringPath | None:
        """The slowest path used so far; None before anything was scored."""
        slowest_first: tuple[ScoringPath, ...] = ("plain", "shared", "packed")
        return next((path for path in slowest_first if path in self._used), None)

    @torch.inference_mode()
    def score(
        self,
        requests: Sequence[ScoringRequest],
        decodings: Sequence[Decoding] = (_NEUTRAL,),
    ) -> list[Scores]:
        """Score requests under D decoding settings in one pass.

        Some answers are scored by the plain path as well whenever a prompt, a reply, both
        together or a row is longer than any checked before, or holds more that has to be
        masked: a model may honour a mask up to some length only, or not at all.

        Raises:
            ModelError: If later tokens change what the model says of earlier ones.
        """
        if requests and not self._looked_ahead:
            self._refuse_lookahead(requests[0].prompt)
        waiting = list(range(len(requests)))
        scored: dict[int, Scores] = {}
        for name, path in tuple(self._paths):
            chosen = [i for i in waiting if self._may_take(name, requests[i])]
            if not chosen:
                continue
            found = self._try(path, [requests[i] for i in chosen], decodings)
            if found is None or not self._believes(
                name, [requests[i] for i in chosen], found
            ):
                self._forget(path)
                continue
            self._used.add(name)
            scored |= zip(chosen, (_without_first(one) for one in found), strict=True)
            waiting = [i for i in waiting if i not in scored]
        if waiting:
            self._used.add("plain")
            plain = self._plain.score([requests[i] for i in waiting], decodings)
            scored |= zip(waiting, plain, strict=True)
        return [scored[i] for i in range(len(requests))]

    def next_logits(
        self, prompt: Sequence[int], prefixes: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield the logits after prefixes of a reply, prefixes in lexicographic order.

        Yields:
            Positions in `prefixes`, k of them, and their (k, V) logits; every position
            exactly once.
        """
        yielded: set[int] = set()
        for path in self._packed_for(prompt, prefixes):
            for members, logits, row in self._try_next(path, prompt, prefixes):
                if not self._honours(prompt, [prefixes[i] for i in members], logits, row):
                    self._forget(path)
                    break
                self._used.add("packed")
                yielded.update(members)
                yield members, logits
        rest = [i for i in range(len(prefixes)) if i not in yielded]
        if rest:
            self._used.add("plain")
        for members, logits in self._plain.next_logits(prompt, [prefixes[i] for i in rest]):
            yield [rest[i] for i in members], logits

    def _try_next(
        self, path: PackedPath, prompt: Sequence[int], prefixes: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor, RowSize]]:
        try:
            yield from path.next_logits(prompt, prefixes)
        except torch.OutOfMemoryError:
            raise
        except REFUSALS:
            self._forget(path)

    def _forget(self, path: PackedPath | SharedPath) -> None:
        self._paths = [one for one in self._paths if one[1] is not path]

    def _packed_for(
        self, prompt: Sequence[int], prefixes: Sequence[Sequence[int]]
    ) -> list[PackedPath]:
        longest = len(prompt) + 1 + max(map(len, prefixes), default=0)
        paths = [path for _, path in self._paths if isinstance(path, PackedPath)]
        return [] if self._exceeds_window(longest) else paths

    def _honours(
        self,
        prompt: Sequence[int],
        prefixes: Sequence[Sequence[int]],
        logits: torch.Tensor,
        row: RowSize,
    ) -> bool:
        """Compare with the plain path if anything is longer than ever."""
        deepest = max(range(len(prefixes)), key=lambda i: len(prefixes[i]))
        longest = len(prompt) + len(prefixes[deepest])
        size = len(prompt), row.tokens, longest, len(prefixes[deepest]), row.foreign
        if not self._is_new(("packed", True), size):
            return True
        spread = np.linspace(0, len(prefixes) - 1, _CHECKED_PREFIXES).astype(int)
        sample = list(dict.fromkeys([*spread.tolist(), deepest, row.most_foreign]))
        difference = 0.0
        for members, logits_of in self._plain.next_logits(
            prompt, [prefixes[i] for i in sample]
        ):
            plain = torch.log_softmax(logits_of.float(), dim=-1)
            ours = logits[[sample[i] for i in members]].float()
            found = torch.log_softmax(ours, dim=-1)
            # Where both are very unlikely, their difference says nothing.
            apart = (found - plain).abs().where(plain > np.log(_LIKELY), 0.0)
            difference = max(difference, float(apart.max()))
        return difference <= tolerance(self._model)

    def _try(
        self,
        path: PackedPath | SharedPath,
        requests: Sequence[ScoringRequest],
        decodings: Sequence[Decoding],
    ) -> list[Scores] | None:
        try:
            # The model's own distribution comes first, for the comparison: settings that
            # cut tokens off turn a rounding error into an infinite difference.
            return path.score(requests, (_NEUTRAL, *decodings))
        except torch.OutOfMemoryError:
            raise
        except REFUSALS:
            return None

    def _may_take(self, name: ScoringPath, request: ScoringRequest) -> bool:
        if name == "shared":
            return len(request.prompt) > 1
        return not self._exceeds_window(request.longest)

    def _exceeds_window(self, length: int) -> bool:
        windows = [n for name in _WINDOWS for n in config_numbers(self._model, name)]
        return length > min(windows, default=length)

    def _believes(
        self,
        name: ScoringPath,
        requests: Sequence[ScoringRequest],
        found: Sequence[Scores],
    ) -> bool:
        """Compare with the plain path whatever is longer than was compared before."""
        checked: set[int] = set()
        for cached in {scores.cached for scores in found}:
            alike = [i for i, scores in enumerate(found) if scores.cached == cached]
            checked.update(self._unlike_before((name, cached), alike, requests, found))
        return all(self._agrees(requests[i], found[i]) for i in sorted(checked))

    def _unlike_before(
        self,
        way: tuple[ScoringPath, bool],
        alike: Sequence[int],
        requests: Sequence[ScoringRequest],
        found: Sequence[Scores],
    ) -> set[int]:
        """Return those that are longest in some way, if one is longer than ever."""
        sizes = [_size(requests[i], found[i]) for i in alike]
        if not self._is_new(way, [max(each) for each in zip(*sizes, strict=True)]):
            return set()
        return {alike[each.index(max(each))] for each in zip(*sizes, strict=True)}

    def _is_new(self, way: tuple[ScoringPath, bool], size: Sequence[int]) -> bool:
        """Whether some size is beyond what was compared before; from now on it is not."""
        known = self._checked.get(way, (0,) * len(size))
        self._checked[way] = tuple(map(max, known, size))
        return self._checked[way] != known

    def _agrees(self, request: ScoringRequest, found: Scores) -> bool:
        lengths = [len(continuation.tokens) for continuation in request.continuations]
        witnesses = list(dict.fromkeys([*found.witnesses, lengths.index(max(lengths))]))
        sample = ScoringRequest(
            prompt=request.prompt,
            continuations=[request.continuations[i] for i in witnesses],
        )
        (plain,) = self._plain.score([sample], (_NEUTRAL,))
        packed = found.log_p[0, witnesses]
        difference = float(np.max(np.abs(plain.log_p[0] - packed)))
        if not difference <= tolerance(self._model):
            return False
        self.check_difference = max(difference, self.check_difference or 0.0)
        return True

    def _refuse_lookahead(self, prompt: Sequence[int]) -> None:
        """Refuse an encoder: what it says of a token depends on those that follow."""
        # Nothing is added to a prompt, which may fill all positions that the model has.
        before, after = (prompt[:-2], prompt[-2:]) if len(prompt) > 2 else (prompt, prompt)
        alone = self._last_prompt_log_p(before, [])
        followed = self._last_prompt_log_p(before, after)
        # Where both are very unlikely, their difference says nothing.
        likely = alone > np.log(_LIKELY)
        difference = float(np.max(np.abs(alone - followed)[likely], initial=0.0))
        if difference > tolerance(self._model):
            raise ModelError(
                "this is not a causal language model: its prediction after the prompt "
                f"changes by {difference:.2g} nats with the tokens that follow"
            )
        self._looked_ahead = True

    def _last_prompt_log_p(
        self, prompt: Sequence[int], reply: Sequence[int]
    ) -> NDArray[np.float64]:
        ids = torch.tensor([[*prompt, *reply]], device=self._model.device)
        logits = self._model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1]
        return np.asarray(torch.log_softmax(logits.double(), dim=-1).cpu().numpy())


def _size(request: ScoringRequest, scores: Scores) -> tuple[int, ...]:
    """Return all that a model may honour up to some number only, or not at all."""
    prompt, longest = len(request.prompt), request.longest
    return prompt, scores.row, longest, longest - prompt, scores.padding, scores.foreign


def _without_first(scores: Scores) -> Scores:
    return replace(scores, log_p=scores.log_p[1:])
