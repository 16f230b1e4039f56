"""Read `api:<model>@<base url>`; a key or password in it is refused and never shown."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from diffbench.errors import ModelError, printable

__all__ = ["parse_address", "public_address"]

_EXAMPLE = "api:<model>@<url>, such as api:my-model@http://127.0.0.1:8000/v1"
# Some models have an @ in their name.
_PARTS = re.compile(r"(?P<model>.+?)@(?P<url>https?://.*)", re.IGNORECASE | re.DOTALL)
_ENDPOINT = "/chat/completions"
_PORTS = range(1, 65536)


def parse_address(text: str) -> tuple[str, str]:
    """Split what follows `api:` into a model's name and its server's base URL.

    The base URL has no endpoint and no trailing slash; a query stays.

    Raises:
        ModelError: If a part is missing, or the URL is none or holds credentials.
    """
    found = _PARTS.fullmatch(text)
    if found is None:
        # What was written may hold a password, wherever it went wrong.
        raise ModelError(
            f"--model api: needs a model and its server's URL; write {_EXAMPLE}"
        )
    model, written = found["model"], found["url"]
    if not model.isprintable() or not model.strip():
        raise ModelError(f"--model api: {printable(model)!r} is no model's name")
    url = _split(model, written)
    path = url.path.rstrip("/").removesuffix(_ENDPOINT).rstrip("/")
    return model, urlunsplit((url.scheme, url.netloc, path, url.query, ""))


def public_address(url: str) -> str:
    """Return scheme, host, port and path of a base URL; a query may hold a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _split(model: str, written: str) -> SplitResult:
    wrong = ModelError(
        f"--model api:{printable(model)}@…: what follows the @ is no server's URL; "
        f"write {_EXAMPLE}"
    )
    if not written.isascii() or not written.isprintable() or " " in written:
        raise wrong
    try:
        url = urlsplit(written)
        host, port = url.hostname, url.port
    except ValueError:
        raise wrong from None
    if "@" in url.netloc:
        raise ModelError(
            f"--model api:{printable(model)}@…: the URL holds a user name or a password; "
            "leave them out, and put the key into the environment variable OPENAI_API_KEY"
        )
    if not host or (port is not None and port not in _PORTS):
        raise wrong
    return url
