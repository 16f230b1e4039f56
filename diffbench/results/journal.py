"""Replies to one prompt, kept one by one as they come: a kill loses none that is kept."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import IO

from diffbench.errors import ResultError, printable

__all__ = ["ReplyJournal"]


class ReplyJournal:
    """An append-only file of numbered replies.

    A reply is one line, written at once. A last line without its end was being written
    when the run was killed; it is cut off. Used in a `with` block, it can be added to.

    Args:
        path: The file, which need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: IO[bytes] | None = None

    def __enter__(self) -> ReplyJournal:
        _, n_sound = self._read()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = self._path.open("ab", buffering=0)
            self._handle.truncate(n_sound)
        except OSError as error:
            raise self._unwritable(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def replies(self) -> dict[int, str]:
        """Return the kept replies by their numbers.

        Raises:
            ResultError: If a line that is whole is not a numbered reply.
        """
        return self._read()[0]

    def add(self, number: int, reply: str) -> None:
        """Keep a reply; once this returns, a kill does not lose it."""
        if self._handle is None:
            raise ValueError("a journal is added to inside its `with` block")
        line = json.dumps([number, reply], ensure_ascii=True).encode() + b"\n"
        try:
            written = self._handle.write(line)
        except OSError as error:
            raise self._unwritable(error) from None
        if written != len(line):
            raise ResultError(f"{self._path}: cannot be written; free some space")

    def _read(self) -> tuple[dict[int, str], int]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}, 0
        except OSError as error:
            raise ResultError(f"{self._path}: cannot be read ({error.strerror})") from None
        n_sound = content.rfind(b"\n") + 1
        replies: dict[int, str] = {}
        for i, line in enumerate(content[:n_sound].splitlines(), start=1):
            try:
                number, reply = json.loads(line)
            except (ValueError, TypeError, RecursionError):
                raise self._damaged(i) from None
            if type(number) is not int or number < 0 or not isinstance(reply, str):
                raise self._damaged(i)
            replies[number] = reply
        return replies, n_sound

    def _damaged(self, line: int) -> ResultError:
        return ResultError(
            f"{self._path}: line {line} is damaged; remove the file and resume again"
        )

    def _unwritable(self, error: OSError) -> ResultError:
        return ResultError(
            f"{self._path}: cannot be written ({printable(error.strerror)}); free the "
            "place or name another folder"
        )
