"""One call to a chat API: sent, tried again where that may help, read, or given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from diffbench.errors import ServerError, did_you_mean, printable
from diffbench.harness.server.failures import Answer, Server, TransientError, failure
from diffbench.harness.server.ids import ReplyIds

__all__ = ["PATIENCE", "Caller", "Patience"]

_CONNECT_SECONDS = 20.0
_CALL_SECONDS = 300.0
_LEAST_BODY = 1 << 20
_BODY_PER_TOKEN = 256
_MOST_NAMES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a call is tried again.

    Attributes:
        attempts: Tries of one call that fails.
        limited_attempts: Tries of one call that a rate limit holds back.
        first_wait: Upper end of the first random wait; it doubles each time.
        longest_wait: Upper end of any wait that DiffBench chooses itself.
        longest_asked: A server that asks for a longer wait is not waited for.
    """

    attempts: int = 6
    limited_attempts: int = 20
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_asked: float = 300.0


PATIENCE = Patience()


class Caller:
    """Calls one server; made inside a running event loop by `open`.

    Args:
        server: Whom to call.
        session: The connections.
        patience: How often to try again.
        on_wait: Hears how long a call waits, and why.
        ids: Takes note of the replies' ids.
    """

    def __init__(
        self,
        server: Server,
        session: aiohttp.ClientSession,
        patience: Patience,
        on_wait: Callable[[float, str], None],
        ids: ReplyIds,
    ) -> None:
        self._server = server
        self._session = session
        self._patience = patience
        self._on_wait = on_wait
        self._ids = ids
        self._has_heard = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        server: Server,
        concurrency: int,
        patience: Patience,
        on_wait: Callable[[float, str], None],
        ids: ReplyIds,
    ) -> AsyncIterator[Caller]:
        """Hold up to `concurrency` connections for as long as the block runs."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            # Stored replies are copies.
            "Cache-Control": "no-store",
        }
        if server.key:
            headers["Authorization"] = f"Bearer {server.key}"
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=concurrency),
            timeout=aiohttp.ClientTimeout(
                total=_CALL_SECONDS, sock_connect=_CONNECT_SECONDS
            ),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not _is_loopback(server.url),
            auto_decompress=False,
        ) as session:
            yield cls(server, session, patience, on_wait, ids)

    async def ask(self, payload: Mapping[str, Any]) -> str:
        """Return the reply to one request; an absent one is empty.

        Raises:
            RefusedError: If the server does not take this request.
            ServerError: If it refuses all, or goes on failing.
        """
        trying = AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=self._stop,
            wait=self._wait,
            before_sleep=self._before_sleep,
            reraise=True,
        )
        try:
            return str(await trying(self._once, payload))
        except TransientError as error:
            raise ServerError(error.why) from None

    async def _once(self, payload: Mapping[str, Any]) -> str:
        answer = await self._post(payload)
        found = failure(self._server, answer)
        if answer.status == 404:
            near = did_you_mean(self._server.model, await self._names())
            raise ServerError(f"{found}.{printable(near)}")
        if found is not None:
            raise found
        reply = self._read(answer)
        self._has_heard = True
        return reply

    async def _post(self, payload: Mapping[str, Any]) -> Answer:
        limit = _LEAST_BODY + _BODY_PER_TOKEN * _length(payload)
        where = f"the server at {self._server.address}"
        try:
            async with self._session.post(
                self._server.url, json=payload, allow_redirects=False
            ) as response:
                body = await _body(response, limit)
                if body is None:
                    raise ServerError(
                        f"{where} sends more than {limit >> 20} MiB for one reply of "
                        f"{_length(payload)} tokens; it does not honour that length, so "
                        "it cannot be measured"
                    )
                return Answer(status=response.status, headers=response.headers, body=body)
        except aiohttp.ClientConnectorCertificateError as error:
            raise ServerError(
                f"{where} has a certificate that cannot be trusted: "
                f"{printable(error.certificate_error)}"
            ) from None
        except asyncio.TimeoutError:
            raise TransientError(f"{where} does not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            is_away = isinstance(error, aiohttp.ClientConnectorError)
            verb = "cannot be reached" if is_away else "breaks the connection off"
            # The text of some of these holds the whole URL.
            words = getattr(error, "message", "") or getattr(error, "strerror", "")
            words = self._server.shown(words or type(error).__name__)
            raise TransientError(f"{where} {verb}: {words}", is_foreign=True) from None

    async def _names(self) -> list[str]:
        """Return the models that the server says it has; none, if it does not say."""
        limit = aiohttp.ClientTimeout(total=_CONNECT_SECONDS)
        try:
            async with self._session.get(
                self._server.models_url, timeout=limit, allow_redirects=False
            ) as response:
                content = json.loads(await _body(response, _LEAST_BODY) or b"")
            return [str(model["id"]) for model in content["data"]][:_MOST_NAMES]
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError):
            return []
        except (ValueError, LookupError, TypeError, RecursionError):
            return []

    def _read(self, answer: Answer) -> str:
        try:
            completion = json.loads(answer.body)
            content = completion["choices"][0]["message"].get("content")
            if content is None:
                return ""
            # Half a character, where a server cuts its text in the middle of one.
            reply = str(
                content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            )
            self._ids.heard(completion.get("id"), reply)
            return reply
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            kind = printable(answer.headers.get("Content-Type", "no content type"), 60)
            begin = self._server.shown(answer.body[:400].decode("utf-8", "replace"))
            raise TransientError(
                f"the server at {self._server.address} sends what is no chat completion "
                f"({kind}: {begin}); the URL usually ends in /v1",
                is_foreign=True,
            ) from None

    def _stop(self, state: RetryCallState) -> bool:
        error = _error(state)
        if error.wait is not None and error.wait > self._patience.longest_asked:
            return True
        if error.is_limit:
            return state.attempt_number >= self._patience.limited_attempts
        # Before anything was heard, this is a wrong URL rather than a server in trouble.
        is_wrong = error.is_foreign and not self._has_heard
        return state.attempt_number >= (2 if is_wrong else self._patience.attempts)

    def _wait(self, state: RetryCallState) -> float:
        choose = wait_random_exponential(
            multiplier=self._patience.first_wait, max=self._patience.longest_wait
        )
        asked = _error(state).wait
        # A little more than what is asked, each call another little.
        return choose(state) if asked is None else asked + min(1.0, choose(state))

    def _before_sleep(self, state: RetryCallState) -> None:
        self._on_wait(float(state.upcoming_sleep), _error(state).why)


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Read a whole body, or None of one that is longer than the limit."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _error(state: RetryCallState) -> TransientError:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, TransientError)
    return error


def _length(payload: Mapping[str, Any]) -> int:
    return int(payload.get("max_tokens", payload.get("max_completion_tokens", 0)))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
