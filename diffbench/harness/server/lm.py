"""lm-evaluation-harness's chat client, calling so that replies are independent draws.

As it comes, the client sends one fixed seed with every call and cuts replies at stop
strings. Here each call has its own seed, no stop string is sent, every reply is kept as
it arrives, and what has been kept is never drawn again.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalChatCompletion

from diffbench.errors import ServerError
from diffbench.harness.server.calls import Caller, Patience
from diffbench.harness.server.failures import RefusedError, Server
from diffbench.harness.server.ids import ReplyIds
from diffbench.harness.server.seeds import call_seed
from diffbench.harness.task import Protocol
from diffbench.options import Progress
from diffbench.results.journal import ReplyJournal

__all__ = ["Ask", "ChatLM"]

_GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One reply wanted from the server.

    Attributes:
        context: The messages, as JSON.
        settings: How to draw, as a harness request says it.
        seed: The call's own seed.
        keep: What to do with the reply.
    """

    context: str
    settings: dict[str, Any]
    seed: int
    keep: Callable[[str], None]


class ChatLM(LocalChatCompletion):  # type: ignore[misc]
    """A model behind a chat API.

    Args:
        server: Where it is.
        seed: Seed of the run.
        concurrency: Calls at one time.
        patience: How often a call is tried again.
        journal: Gives the file of a task's prompt.
        progress: Hears of replies and waits.
    """

    protocol: Protocol = "exact"
    has_order = True
    uses_chat_template = True

    def __init__(
        self,
        server: Server,
        *,
        seed: int,
        concurrency: int,
        patience: Patience,
        journal: Callable[[str, str], ReplyJournal],
        progress: Progress,
    ) -> None:
        super().__init__(
            model=server.model,
            base_url=server.url,
            num_concurrent=concurrency,
            tokenizer_backend=None,
            tokenized_requests=False,
        )
        self.server = server
        self.run_seed = seed
        self.sends_seeds = True
        self.ids = ReplyIds()
        self._length_field = "max_tokens"
        self._patience = patience
        self._journal = journal
        self._progress = progress

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return the messages as JSON: the server has the template."""
        return json.dumps(chat_history, ensure_ascii=False)

    def loglikelihood(self, requests: list[Instance], **_: Any) -> Any:
        """Refuse: a chat API gives replies only."""
        raise ServerError(
            f"the server at {self.server.address} gives replies, not log-probabilities; "
            "use --estimator sample"
        )

    def generate_until(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[str]:
        """Return replies, those kept by an interrupted run first."""
        groups: dict[tuple[str, str], list[int]] = {}
        for i, request in enumerate(requests):
            key = (str(request.task_name), str(request.doc["id"]))
            groups.setdefault(key, []).append(i)
        replies: list[str | None] = [None] * len(requests)
        asks: list[Ask] = []
        with ExitStack() as stack:
            for (task, prompt), members in groups.items():
                journal = stack.enter_context(self._journal(task, prompt))
                kept = journal.replies()
                for number, i in enumerate(members):
                    replies[i] = kept.get(number)
                    if number not in kept:
                        context, settings = requests[i].args
                        keep = _keeper(replies, i, journal, number, self._progress)
                        seed = call_seed(self.run_seed, task, prompt, number)
                        asks.append(
                            Ask(context=context, settings=settings, seed=seed, keep=keep)
                        )
            self.ask(asks)
        return [reply or "" for reply in replies]

    def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
        """Refuse: replies are drawn for tasks only, where they are kept."""
        raise ServerError("a model behind an API is measured from replies alone")

    def ask(self, asks: Sequence[Ask]) -> None:
        """Make calls, several at a time, keeping each reply as it comes.

        Raises:
            ServerError: If one of them fails for good; the others are given up.
        """
        if asks:
            _run(self._ask(asks))

    async def _ask(self, asks: Sequence[Ask]) -> None:
        waiting = deque(asks)
        async with Caller.open(
            self.server, self._concurrent, self._patience, self._progress.waiting, self.ids
        ) as caller:

            async def work() -> None:
                while waiting:
                    ask = waiting.popleft()
                    ask.keep(await self._call(caller, ask))

            n_workers = min(self._concurrent, len(asks))
            workers = [asyncio.create_task(work()) for _ in range(n_workers)]
            try:
                done, others = await asyncio.wait(
                    workers, return_when=asyncio.FIRST_EXCEPTION
                )
                if others:
                    # One has failed for good; what the others have under way is paid for.
                    waiting.clear()
                    await asyncio.wait(others, timeout=_GRACE_SECONDS)
                for worker in done:
                    worker.result()
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _call(self, caller: Caller, ask: Ask) -> str:
        for _ in range(3):
            payload = self._payload(ask)
            try:
                return await caller.ask(payload)
            except RefusedError as refusal:
                if not self._adapt(payload, refusal.said):
                    raise
        raise AssertionError("each refusal changes one of two fields")

    def _payload(self, ask: Ask) -> dict[str, Any]:
        settings = {
            name: value
            for name, value in ask.settings.items()
            # Not in OpenAI's API, so said only where it is asked for.
            if name != "top_k" or value
        }
        payload: dict[str, Any] = self._create_payload(
            json.loads(ask.context), generate=True, gen_kwargs=settings, seed=ask.seed
        )
        del payload["stop"]
        if not self.sends_seeds:
            del payload["seed"]
        payload[self._length_field] = payload.pop("max_tokens")
        return payload

    def _adapt(self, payload: dict[str, Any], said: str) -> bool:
        """Leave out or rename what a server says it does not know."""
        said = said.replace(self.server.model, "")
        if "max_completion_tokens" in said and "max_tokens" in payload:
            self._length_field = "max_completion_tokens"
            return True
        if "seed" in said and "seed" in payload:
            self.sends_seeds = False
            return True
        return False


def _keeper(
    replies: list[str | None],
    i: int,
    journal: ReplyJournal,
    number: int,
    progress: Progress,
) -> Callable[[str], None]:
    def keep(reply: str) -> None:
        journal.add(number, reply)
        replies[i] = reply
        progress.reply()

    return keep


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    # In a notebook a loop is running already, in this thread.
    raised: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in raised:
        raise error
