"""A Hugging Face hub on loopback: enough of its protocol for the real client."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

__all__ = ["COMMIT", "GATED", "OPEN", "hub"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OPEN = "tiny/open"
GATED = "tiny/gated"


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(send_body=False)

        def do_GET(self) -> None:
            self._answer(send_body=True)

        def _answer(self, *, send_body: bool) -> None:
            path = self.path.split("?")[0]
            if GATED in path:
                self._reply(403, b"", send_body, {"X-Error-Code": "GatedRepo"})
            elif path.startswith(f"/{OPEN}/resolve/"):
                self._file(folder / path.split("/", 5)[5], send_body)
            elif path.startswith(f"/api/models/{OPEN}"):
                self._reply(200, _listing(folder, path), send_body)
            else:
                self._reply(404, b"", send_body, {"X-Error-Code": "RepoNotFound"})

        def _file(self, file: Path, send_body: bool) -> None:
            if not file.is_file():
                headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
                self._reply(404, b"", send_body, headers)
                return
            content = file.read_bytes()
            etag = hashlib.sha256(content).hexdigest()
            self._reply(
                200, content, send_body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
            )

        def _reply(
            self,
            status: int,
            content: bytes,
            send_body: bool,
            headers: dict[str, str] | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if send_body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _listing(folder: Path, path: str) -> bytes:
    files = sorted(file.name for file in folder.iterdir())
    if "/tree/" in path:
        return json.dumps(
            [
                {"type": "file", "path": name, "oid": "0", "size": 1}
                for name in files
                if (folder / name).is_file()
            ]
        ).encode()
    return json.dumps(
        {
            "id": OPEN,
            "modelId": OPEN,
            "sha": COMMIT,
            "siblings": [{"rfilename": name} for name in files],
        }
    ).encode()


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """Serve a folder as the repository `OPEN`; yields the endpoint's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(folder))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
