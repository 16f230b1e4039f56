"""Which requests the engine answers, and how they are put together."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lm_eval.api.instance import Instance

from diffbench.engine.requests import Scores, ScoringRequest
from diffbench.models.load import LoadedModel

__all__ = ["Asked", "answered", "by_context", "draw_key", "end_tokens", "is_ours"]

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Answers to one prompt, and those of them that the tokenizer can write."""

    context: str
    answers: tuple[str, ...]
    encoded: list[list[int] | None]
    request: ScoringRequest

    @property
    def key(self) -> tuple[str, ...]:
        """What tells this from every other prompt and its answers."""
        return self.context, *self.answers

    def results(self, scores: Scores, decoding: int) -> Iterator[tuple[float, bool]]:
        """Yield log-probability and greediness of each answer.

        An empty answer asks for the border to the prompt, which no token crosses here.
        """
        written = iter(zip(scores.log_p[decoding], scores.greedy, strict=True))
        for answer, tokens in zip(self.answers, self.encoded, strict=True):
            if tokens:
                log_p, greedy = next(written)
                yield float(log_p), bool(greedy)
            else:
                yield (-math.inf if answer else 0.0), False


def answered(
    requests: Sequence[_T],
    gains: Callable[[_T], bool],
    engine: Callable[[list[_T]], list[_R]],
    harness: Callable[[list[_T]], list[_R]],
) -> list[_R]:
    """Answer each request by the engine or by the harness, in the order of asking."""
    is_ours = [gains(request) for request in requests]
    ours = [request for request, mine in zip(requests, is_ours, strict=True) if mine]
    rest = [request for request, mine in zip(requests, is_ours, strict=True) if not mine]
    by_engine = iter(engine(ours) if ours else [])
    by_harness = iter(harness(rest) if rest else [])
    return [next(by_engine if mine else by_harness) for mine in is_ours]


def is_ours(request: Instance) -> bool:
    """Whether a DiffBench document asks, in a way that the engine answers."""
    if not (isinstance(request.doc, dict) and request.doc.get("closed_by") == "}"):
        return False
    if request.request_type != "generate_until":
        return True
    return request.args[1].get("do_sample") is True


def by_context(requests: Sequence[Instance]) -> Iterator[tuple[str, list[int]]]:
    """Yield each context and the positions of the requests that have it."""
    groups: dict[str, list[int]] = {}
    for i, request in enumerate(requests):
        groups.setdefault(str(request.args[0]), []).append(i)
    yield from groups.items()


def draw_key(request: Instance) -> str:
    """Return what requests to draw from one law have in common."""
    return json.dumps(request.args, sort_keys=True, default=str)


def end_tokens(loaded: LoadedModel) -> list[int]:
    """Return the ids of all tokens that end a reply, sorted.

    Where the model's generation settings name any, those of its configuration do not
    count: generation goes by the former alone.
    """
    generation = getattr(loaded.model, "generation_config", None)
    ends = _ends_of(generation) or _ends_of(loaded.model.config)
    return sorted(ends | _ends_of(loaded.tokenizer))


def _ends_of(holder: object) -> set[int]:
    value = getattr(holder, "eos_token_id", None)
    values = value if isinstance(value, list) else [value]
    return {int(token) for token in values if token is not None}
