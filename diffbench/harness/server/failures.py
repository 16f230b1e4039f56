"""What a server's refusals mean, in a sentence that never holds the key."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

from diffbench.errors import ServerError, printable

__all__ = ["Answer", "RefusedError", "Server", "TransientError", "failure", "retry_after"]

_MAY_PASS = frozenset({408, 409, 425, 429})
_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server and how it is called.

    Attributes:
        model: The model's name there.
        url: The endpoint, with its query.
        address: The base URL without a query, to be shown.
        key: What is sent as the bearer token; empty where there is none.
    """

    model: str
    url: str
    address: str
    key: str

    @property
    def models_url(self) -> str:
        """Where the server lists its models."""
        parts = urlsplit(self.url)
        path = parts.path.removesuffix("/chat/completions") + "/models"
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))

    def __repr__(self) -> str:
        """Show neither the key nor the query."""
        return f"Server({self.model!r}, {self.address!r})"

    def shown(self, text: str) -> str:
        """Return words from outside on one short line, without key and query."""
        for secret, name in ((self.key, "[key]"), (urlsplit(self.url).query, "[query]")):
            text = text.replace(secret, name) if secret else text
        return printable(text, _SHOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: status, headers and a bounded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RefusedError(ServerError):
    """The server does not take the request as it is; `said` are its words."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


class TransientError(Exception):
    """A call failed in a way that may pass.

    Attributes:
        why: What happened, to be shown.
        wait: Seconds that the server asks to wait, if it says so.
        is_limit: The server limits the rate of calls.
        is_foreign: Nothing like a chat API has been met.
    """

    def __init__(
        self,
        why: str,
        *,
        wait: float | None = None,
        is_limit: bool = False,
        is_foreign: bool = False,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.wait = wait
        self.is_limit = is_limit
        self.is_foreign = is_foreign


def failure(server: Server, answer: Answer) -> TransientError | ServerError | None:
    """Return what an answer's status means, or None for a success."""
    status = answer.status
    if 200 <= status < 300:
        return None
    where = f"the server at {server.address}"
    said = _said(answer)
    shown = f": {server.shown(said)}" if said else ""
    if status in (401, 403):
        return ServerError(_about_the_key(server, status, where))
    if status == 404:
        return ServerError(
            f"{where} has no model {printable(server.model)!r}, or no chat API there "
            f"(404{shown}); check the name and the URL, which usually ends in /v1"
        )
    if 300 <= status < 400:
        return ServerError(
            f"{where} sends its callers elsewhere ({status}), and the key is not sent "
            "after them; write the final URL after the @"
        )
    if status == 429 and "insufficient_quota" in said:
        return ServerError(f"{where} says that the quota is used up{shown}")
    if status in _MAY_PASS or status >= 500:
        wait = retry_after(answer.headers.get("Retry-After"))
        asked = "" if wait is None else f" and asks to wait {wait:.0f} s"
        return TransientError(
            f"{where} answers {status}{asked}{shown}", wait=wait, is_limit=status == 429
        )
    return RefusedError(f"{where} refuses the request ({status}{shown})", said)


def retry_after(header: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date; None where it is neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _about_the_key(server: Server, status: int, where: str) -> str:
    # The server's own words may repeat the key, so they are not shown.
    if server.key:
        return (
            f"{where} refuses the key in OPENAI_API_KEY ({status}); set the environment "
            f"variable to a key that may use {printable(server.model)!r}"
        )
    return (
        f"{where} asks for a key ({status}); put it into the environment variable "
        "OPENAI_API_KEY"
    )


def _said(answer: Answer) -> str:
    """Return the message of an error body, or how the body begins."""
    text = answer.body.decode("utf-8", "replace").strip()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    error = content.get("error", content) if isinstance(content, dict) else content
    if not isinstance(error, dict):
        return str(error)
    words = [error.get(name) for name in ("message", "detail", "code")]
    return " ".join(str(word) for word in words if word) or text
