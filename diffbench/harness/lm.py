"""The lm-evaluation-harness model behind `diffbench run`.

Requests of one context are answered together by the engine: log-likelihoods by the
prefix tree of their continuations, repeated sampling by counts over distinct prefixes.
What the engine has no gain on goes to the harness's `hf` model unchanged.

DiffBench's documents say `closed_by`: their answers are complete at that character, so
every token that can bring it counts, and sampling may stop there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from diffbench.answers import AnswerKey, AnswerRule
from diffbench.engine.decoding import Decoding
from diffbench.engine.expansion import Expander, Expansion
from diffbench.engine.memory import rows_that_fit, tokens_that_fit
from diffbench.engine.requests import Continuation, Scores, ScoringRequest
from diffbench.engine.sampling import SampledReply, Sampler
from diffbench.engine.scoring import Scorer
from diffbench.engine.sharing import Alone, Sharing
from diffbench.engine.vocabulary import Vocabulary
from diffbench.errors import ModelError, printable
from diffbench.harness.dispatch import (
    Asked,
    answered,
    by_context,
    draw_key,
    end_tokens,
    is_ours,
)
from diffbench.harness.drawing import DrawSettings, draw_settings
from diffbench.harness.outlook import ReplyOutlook
from diffbench.harness.task import Protocol
from diffbench.models.load import LoadedModel
from diffbench.processes import Processes

__all__ = ["EngineLM"]

_NEUTRAL = Decoding()
_T = TypeVar("_T")
_R = TypeVar("_R")
_Encoded = tuple[tuple[str, str], list[int], list[int]]


class EngineLM(HFLM):  # type: ignore[misc]
    """A local model whose DiffBench requests are scored and sampled by prefix trees.

    Several processes divide the work of each call.

    Args:
        loaded: The model and its tokenizer.
        protocol: `exact` sums over all tokens that close an answer; `exact-canonical`
            scores canonical tokens only, as the plain harness does.
        batch_size: Rows of a batch where each answer has a row of its own.
        seed: Seed of all sampling.
        answer_rule: Where in a reply the answer may stand.
        decodings: Settings under which exact values are computed, all in one pass;
            `active` says which of them is asked for.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        protocol: Protocol = "exact",
        batch_size: int = 32,
        seed: int = 0,
        answer_rule: AnswerRule = "first",
        decodings: Sequence[Decoding] = (_NEUTRAL,),
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
        self._all = Processes()
        self._is_sharded = loaded.sharded
        # A sharded model leaves no work to divide: all make each of its passes.
        self._sharing: Sharing = Alone() if loaded.sharded else self._all
        self.scorer = Scorer(
            loaded.model,
            # One number for all, who have to cut the work into the same passes.
            max_tokens=self._all.first(lambda: tokens_that_fit(loaded.model)),
            batch_size=batch_size,
            sharing=self._sharing,
        )
        self.decodings = tuple(decodings)
        self.active = 0
        self._scored: dict[tuple[str, ...], Scores] = {}
        self.ends = end_tokens(loaded)

    has_order = False

    @property
    def uses_chat_template(self) -> bool:
        """Whether prompts are messages of a chat, or plain text."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Score requests; DiffBench's as replies, others as the harness tokenises them."""
        return answered(
            requests,
            is_ours,
            self._score_ours,
            lambda rest: super(EngineLM, self).loglikelihood(rest, disable_tqdm),
        )

    def _score_ours(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        scored: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        groups = list(by_context(requests))
        asked = [
            self._request(context, [str(requests[i].args[1]) for i in members])
            for context, members in groups
        ]
        found = self._scores(asked)
        for (_, members), one, scores in zip(groups, asked, found, strict=True):
            for i, score in zip(members, one.results(scores, self.active), strict=True):
                scored[i] = score
        return scored

    def _scores(self, asked: Sequence[Asked]) -> list[Scores]:
        """Score requests; under several settings once, and remember it for the others."""
        new = [one for one in asked if one.key not in self._scored]
        found = self.scorer.score([one.request for one in new], self.decodings)
        fresh = {one.key: scores for one, scores in zip(new, found, strict=True)}
        if len(self.decodings) > 1:
            self._scored |= fresh
        return [fresh.get(one.key) or self._scored[one.key] for one in asked]

    def _request(self, context: str, answers: Sequence[str]) -> Asked:
        encoded = self.vocabulary.encode_replies(answers)
        replies = [tuple(tokens) for tokens in encoded if tokens]
        if not replies:
            raise ModelError(
                "this model's tokenizer cannot write any of the answers, such as "
                f"{printable(answers[0])!r}"
            )
        request = ScoringRequest(
            prompt=tuple(self.prompt_ids(context, room=max(map(len, replies)))),
            continuations=[
                Continuation(tokens=tokens, closers=self._closers(tokens))
                for tokens in replies
            ],
        )
        return Asked(
            context=context, answers=tuple(answers), encoded=encoded, request=request
        )

    def expand(
        self,
        context: str,
        key: AnswerKey,
        answers: Sequence[str],
        *,
        epsilon: float,
        max_new_tokens: int,
    ) -> Expansion:
        """Expand the replies to a rendered prompt, best first.

        Args:
            context: The rendered prompt.
            key: The accepted spellings of K outcomes.
            answers: Replies to explore in any case.
            epsilon: Undecided mass to stop at.
            max_new_tokens: Replies of this many tokens are over.
        """
        request = self._request(context, answers).request
        expander = Expander(
            self.scorer.next_logits,
            self.vocabulary,
            ReplyOutlook(key, self.answer_rule),
            ends=self.ends,
            n_outcomes=len(key.spellings),
            decoding=self.decodings[self.active],
        )
        return expander.expand(
            request.prompt,
            epsilon=epsilon,
            max_new_tokens=min(max_new_tokens, self.max_length - len(request.prompt)),
            known=request.continuations,
        )

    def _loglikelihood_tokens(
        self,
        requests: list[_Encoded],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[tuple[float, bool]]:
        """Score encoded requests; those that share a context by their prefix tree."""
        contexts = Counter(tuple(context) for _, context, _ in requests)

        def gains(request: _Encoded) -> bool:
            # What is cut to the model's length is left to the harness, which cuts it.
            _, context, continuation = request
            fits = len(context) + len(continuation) <= self.max_length + 1
            return contexts[tuple(context)] > 1 and fits and self.backend == "causal"

        return answered(
            requests,
            gains,
            self._score_encoded,
            lambda rest: super(EngineLM, self)._loglikelihood_tokens(
                rest, disable_tqdm, override_bs
            ),
        )

    def _score_encoded(self, requests: list[_Encoded]) -> list[tuple[float, bool]]:
        groups: dict[tuple[int, ...], list[int]] = {}
        for i, (_, context, _) in enumerate(requests):
            groups.setdefault(tuple(context), []).append(i)
        found = self.scorer.score(
            [
                ScoringRequest(
                    prompt=context,
                    continuations=[
                        Continuation(tokens=tuple(requests[i][2])) for i in members
                    ],
                )
                for context, members in groups.items()
            ]
        )
        scored: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        for members, scores in zip(groups.values(), found, strict=True):
            for position, i in enumerate(members):
                scored[i] = float(scores.log_p[0, position]), bool(scores.greedy[position])
                # A window of a longer text has no request of its own.
                if requests[i][0] is not None:
                    self.cache_hook.add_partial("loglikelihood", requests[i][0], scored[i])
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
        """Draw replies; repeated sampling of one context by counts over prefixes."""
        times = Counter(draw_key(request) for request in requests)

        def gains(request: Instance) -> bool:
            if is_ours(request):
                return True
            repeated = times[draw_key(request)] > 1
            return repeated and self._draw_settings(request) is not None

        return answered(
            requests,
            gains,
            self._draw_all,
            lambda rest: super(EngineLM, self).generate_until(rest, disable_tqdm),
        )

    def _draw_all(self, requests: list[Instance]) -> list[str]:
        replies = [""] * len(requests)
        groups: dict[str, list[int]] = {}
        for i, request in enumerate(requests):
            groups.setdefault(draw_key(request), []).append(i)
        shares = list(groups.values())
        drawn = self._sharing.map(
            len(shares), lambda i: self._draw_group(requests[shares[i][0]], len(shares[i]))
        )
        for members, found in zip(shares, drawn, strict=True):
            for i, reply in zip(members, found, strict=True):
                replies[i] = reply
        return replies

    def _draw_group(self, first: Instance, n: int) -> list[str]:
        if is_ours(first):
            closings = int(first.doc.get("closings", 1))
            return self.draw(str(first.args[0]), n, first.args[1], closings=closings)
        return self._draw_others(first, n)

    def draw(
        self, context: str, n: int, settings: dict[str, Any], *, closings: int = 1
    ) -> list[str]:
        """Draw n independent replies to a rendered prompt, in an order of the seed's.

        A tree yields equal replies side by side; shuffled, the first of them are as
        good a sample as any. A reply is over at its closing brace, or at that of the
        number `closings`.
        """
        prompt = self.prompt_ids(context, room=1)
        longest = min(int(settings["max_gen_toks"]), self.max_length - len(prompt))
        braces = self.vocabulary.closing_braces
        # Under the rule `anywhere` a reply may go on after a closing brace.
        stops = self.answer_rule == "first"
        sampler = Sampler(
            self.model,
            is_complete=lambda reply: (
                stops
                and bool(braces[reply[-1]])
                and int(braces[list(reply)].sum()) >= closings
            ),
            ends=self.ends,
            max_rows=self._max_rows(len(prompt) + longest),
            decoding=Decoding(
                temperature=settings["temperature"],
                top_p=settings["top_p"],
                top_k=settings["top_k"],
                min_p=settings.get("min_p", 0.0),
            ),
        )
        found = sampler.sample(prompt, n, max_new_tokens=longest, seed=self.seed)
        return self._shuffled(prompt, found, self.vocabulary.decode_reply)

    def _max_rows(self, length: int) -> int | None:
        """Return how many rows all processes fit, where they draw together."""
        if not self._is_sharded:
            return None
        return self._all.first(lambda: rows_that_fit(self.model, length))

    def _draw_settings(self, request: Instance) -> DrawSettings | None:
        if self.backend != "causal" or self.think_end_token is not None:
            return None
        eos = self.tok_decode(self.eot_token_id, skip_special_tokens=False)
        found = draw_settings(
            request.args[1],
            default_length=self.max_gen_toks,
            end_text=eos,
            generation=self.model.generation_config,
        )
        # What leaves no room for a prompt the harness refuses in its own words.
        fits = found is not None and 0 < found.max_new_tokens < self.max_length
        return found if fits else None

    def _draw_others(self, request: Instance, n: int) -> list[str]:
        """Draw as the harness's own generation would, stop strings included."""
        settings = self._draw_settings(request)
        assert settings is not None
        room = self.max_length - settings.max_new_tokens
        prompt = self.tok_encode(str(request.args[0]), left_truncate_len=room)
        sampler = Sampler(
            self.model,
            is_complete=lambda reply: settings.stops(
                self.tok_decode(reply, skip_special_tokens=False)
            ),
            ends=self.ends,
            max_rows=self._max_rows(len(prompt) + settings.max_new_tokens),
            decoding=settings.decoding,
        )
        found = sampler.sample(
            prompt, n, max_new_tokens=settings.max_new_tokens, seed=self.seed
        )
        return self._shuffled(
            prompt, found, lambda tokens: settings.cut(self.tok_decode(list(tokens)))
        )

    def _shuffled(
        self,
        prompt: Sequence[int],
        found: Sequence[SampledReply],
        decode: Callable[[Sequence[int]], str],
    ) -> list[str]:
        replies = [reply for one in found for reply in [decode(one.tokens)] * one.count]
        order = np.random.default_rng([self.seed, *prompt]).permutation(len(replies))
        return [replies[i] for i in order]
