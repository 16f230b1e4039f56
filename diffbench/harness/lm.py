"""The lm-evaluation-harness model behind `diffbench run`.

It answers DiffBench's own requests by the engine and hands every other request to the
harness's `hf` model unchanged. DiffBench's documents say `closed_by`: their answers are
complete at that character, so every token that can bring it counts, and sampling may
stop there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from diffbench.answers import AnswerRule
from diffbench.engine.decoding import Decoding
from diffbench.engine.sampling import Sampler
from diffbench.engine.scoring import Continuation, Scorer
from diffbench.engine.vocabulary import Vocabulary
from diffbench.errors import ModelError, printable
from diffbench.harness.task import Protocol
from diffbench.models.load import LoadedModel

__all__ = ["EngineLM"]

_NEUTRAL = Decoding()


class EngineLM(HFLM):  # type: ignore[misc]
    """A local model whose DiffBench requests are scored and sampled by prefix trees.

    Args:
        loaded: The model and its tokenizer.
        protocol: `exact` sums over all tokens that close an answer; `exact-canonical`
            scores canonical tokens only, as the plain harness does.
        batch_size: Rows of a batch; also the most distinct prefixes sampled at once.
        seed: Seed of all sampling.
        answer_rule: Where in a reply the answer may stand.
        decoding: Settings under which exact values are computed.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        protocol: Protocol = "exact",
        batch_size: int = 32,
        seed: int = 0,
        answer_rule: AnswerRule = "first",
        decoding: Decoding = _NEUTRAL,
    ) -> None:
        super().__init__(
            pretrained=loaded.model,
            tokenizer=loaded.tokenizer,
            batch_size=batch_size,
            chat_template_args={"enable_thinking": False},
        )
        self.protocol = protocol
        self.seed = seed
        self.answer_rule = answer_rule
        embeddings = loaded.model.get_output_embeddings()
        size = embeddings.weight.shape[0] if embeddings is not None else self.vocab_size
        self.vocabulary = Vocabulary(loaded.tokenizer, size)
        self.scorer = Scorer(loaded.model, batch_size=batch_size, decoding=decoding)
        self._ends = _end_tokens(loaded)
        self._rows = (
            max(batch_size, 128) if loaded.model.device.type == "cpu" else batch_size
        )

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Score requests; DiffBench's by prefix tree, others as the harness does."""
        ours = [i for i, request in enumerate(requests) if _is_ours(request)]
        others = [i for i, request in enumerate(requests) if not _is_ours(request)]
        scored: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        for context, members in _by_context(requests, ours):
            answers = [str(requests[i].args[1]) for i in members]
            for i, score in zip(members, self._score(context, answers), strict=True):
                scored[i] = score
        if others:
            rest = super().loglikelihood([requests[i] for i in others], disable_tqdm)
            for i, score in zip(others, rest, strict=True):
                scored[i] = score
        return scored

    def _score(self, context: str, answers: Sequence[str]) -> list[tuple[float, bool]]:
        # An empty answer asks for the border, which no token crosses here.
        encoded = [self.vocabulary.encode_reply(answer) for answer in answers]
        asked = [i for i, tokens in enumerate(encoded) if tokens]
        scored = [(-math.inf if answer else 0.0, False) for answer in answers]
        if not asked:
            raise ModelError(
                "this model's tokenizer cannot write any of the answers, such as "
                f"{printable(answers[0])!r}"
            )
        replies = [tuple(encoded[i] or ()) for i in asked]
        prompt = self.prompt_ids(context, room=max(map(len, replies)))
        log_p, greedy = self.scorer.score(
            prompt, [Continuation(tokens=t, closers=self._closers(t)) for t in replies]
        )
        for position, i in enumerate(asked):
            scored[i] = (float(log_p[position]), bool(greedy[position]))
        return scored

    def prompt_ids(self, context: str, *, room: int) -> list[int]:
        """Return a rendered prompt's tokens.

        Raises:
            ModelError: If they do not fit the model's vocabulary, or leave no room for
                a reply of `room` tokens.
        """
        prompt: list[int] = self.tok_encode(context)
        known = self.model.get_input_embeddings().weight.shape[0]
        if max(prompt) >= known:
            raise ModelError(
                f"the tokenizer gives token {max(prompt)}, but the model knows {known}; "
                "they do not belong together"
            )
        if len(prompt) + room > self.max_length:
            raise ModelError(
                f"a prompt of {len(prompt)} tokens and a reply of {room} do not fit the "
                f"model's {self.max_length} positions"
            )
        return prompt

    def _closers(self, tokens: tuple[int, ...]) -> Any:
        if self.protocol == "exact-canonical":
            return None
        return self.vocabulary.closers(tokens[-1])

    def generate_until(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[str]:
        """Draw replies; DiffBench's by counts over prefixes, others as the harness does."""
        ours = [i for i, request in enumerate(requests) if _is_ours(request)]
        others = [i for i, request in enumerate(requests) if not _is_ours(request)]
        replies = [""] * len(requests)
        for context, members in _by_context(requests, ours):
            drawn = self.draw(context, len(members), requests[members[0]].args[1])
            for i, reply in zip(members, drawn, strict=True):
                replies[i] = reply
        if others:
            rest = super().generate_until([requests[i] for i in others], disable_tqdm)
            for i, reply in zip(others, rest, strict=True):
                replies[i] = reply
        return replies

    def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
        """Draw n independent replies to a rendered prompt, in an order of the seed's.

        A tree yields equal replies side by side; shuffled, the first of them are as
        good a sample as any.
        """
        prompt = self.prompt_ids(context, room=1)
        longest = min(int(settings["max_gen_toks"]), self.max_length - len(prompt))
        stops = self.vocabulary.closing_tokens
        sampler = Sampler(
            self.model,
            # Under the rule `anywhere` a reply may go on after a closing brace.
            stops=stops if self.answer_rule == "first" else np.zeros_like(stops),
            ends=self._ends,
            max_rows=self._rows,
            decoding=Decoding(
                temperature=settings["temperature"],
                top_p=settings["top_p"],
                top_k=settings["top_k"],
                min_p=settings.get("min_p", 0.0),
            ),
        )
        found = sampler.sample(prompt, n, max_new_tokens=longest, seed=self.seed)
        replies = [
            reply
            for distinct in found
            for reply in [self.vocabulary.decode_reply(distinct.tokens)] * distinct.count
        ]
        order = np.random.default_rng([self.seed, *prompt]).permutation(n)
        return [replies[i] for i in order]


def _is_ours(request: Instance) -> bool:
    if not (isinstance(request.doc, dict) and request.doc.get("closed_by") == "}"):
        return False
    if request.request_type != "generate_until":
        return True
    return request.args[1].get("do_sample") is True


def _by_context(
    requests: Sequence[Instance], chosen: Iterable[int]
) -> Iterable[tuple[str, list[int]]]:
    groups: dict[str, list[int]] = {}
    for i in chosen:
        groups.setdefault(str(requests[i].args[0]), []).append(i)
    return groups.items()


def _end_tokens(loaded: LoadedModel) -> list[int]:
    ends: set[int] = set()
    generation = getattr(loaded.model, "generation_config", None)
    for holder in (generation, loaded.model.config, loaded.tokenizer):
        value = getattr(holder, "eos_token_id", None)
        values = value if isinstance(value, list) else [value]
        ends.update(int(token) for token in values if token is not None)
    return sorted(ends)
