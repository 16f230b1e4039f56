"""A chat server on loopback that does what a test tells it to, and remembers all calls."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from diffbench.harness.server.probe import PROBE_PROMPTS

__all__ = ["KEY", "Behaviour", "Call", "Faulty", "Response", "chat", "faulty", "honest"]

KEY = "sk-test-0123456789abcdef"
DAYS = ("Monday", "Tuesday", "Wednesday", "Friday")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as it arrived; `number` counts from 0."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])

    @property
    def is_probe(self) -> bool:
        return self.prompt in PROBE_PROMPTS


@dataclass(frozen=True, kw_only=True)
class Response:
    """What to send; without a status the connection is reset instead."""

    status: int | None = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[Call], Response]


@dataclass
class Faulty:
    """The server's address, what it does, and the calls it has had."""

    url: str
    behaviour: Behaviour
    models: bytes | None = None
    calls: list[Call] = field(default_factory=list)
    most_at_once: int = 0

    @property
    def measured(self) -> list[Call]:
        return [call for call in self.calls if not call.is_probe]

    @property
    def probes(self) -> list[Call]:
        return [call for call in self.calls if call.is_probe]


def chat(content: Any, **headers: str) -> Response:
    """A sound chat completion with this content."""
    message = {"role": "assistant", "content": content}
    body = {"id": "x", "choices": [{"index": 0, "message": message}]}
    return Response(body=json.dumps(body).encode(), headers=headers)


def error(status: int, message: str, **headers: str) -> Response:
    """A refusal in the form of OpenAI's."""
    body = json.dumps({"error": {"message": message}}).encode()
    return Response(status=status, body=body, headers=headers)


def honest(call: Call) -> Response:
    """Answer as the seed says, as a server that honours seeds does."""
    draw = random.Random(call.body.get("seed", time.perf_counter_ns()))
    if call.is_probe:
        return chat("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=60)))
    return chat("{" + draw.choice(DAYS) + "}")


def _handler(server: Faulty) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()
    at_once = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal at_once
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                at_once += 1
                server.most_at_once = max(server.most_at_once, at_once)
                call = Call(
                    number=len(server.calls),
                    path=self.path,
                    headers=dict(self.headers),
                    body=body,
                    at=time.monotonic(),
                )
                server.calls.append(call)
            try:
                self._send(server.behaviour(call))
            finally:
                with lock:
                    at_once -= 1

        def do_GET(self) -> None:
            there = self.path == "/v1/models" and server.models is not None
            self._send(Response(status=200 if there else 404, body=server.models or b""))

        def _send(self, response: Response) -> None:
            if response.status is None:
                # Closing at once, with nothing lingering, resets the connection.
                now = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
                self.close_connection = True
                return
            self.send_response(response.status)
            headers = {"Content-Type": "application/json", **response.headers}
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            try:
                self.wfile.write(response.body)
            except ConnectionError:
                """The client has read enough."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of callers that went away."""


@contextmanager
def faulty(behaviour: Behaviour = honest) -> Iterator[Faulty]:
    """Serve on a free port of loopback for as long as the block runs."""
    server = Faulty(url="", behaviour=behaviour)
    http = _Server(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
