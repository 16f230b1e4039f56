"""A site on disk: whole or not at all, with a manifest of what went in and came out."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from diffbench.errors import ResultError, printable
from diffbench.site.render import dump_json

__all__ = ["MANIFEST_NAME", "SiteFolder"]

MANIFEST_NAME = "manifest.json"


class SiteFolder:
    """Writes a site beside its place, and puts it there when it is whole.

    Args:
        output: The folder; if it holds anything, that must be an earlier site.

    Raises:
        ResultError: If the folder holds something else, or cannot be written.
    """

    def __init__(self, output: Path) -> None:
        if output.exists() and not output.is_dir():
            raise ResultError(f"{printable(output)} is a file; name a folder for the site")
        if output.is_dir() and any(output.iterdir()):
            if not (output / MANIFEST_NAME).is_file():
                raise ResultError(
                    f"{printable(output)} is not empty and holds no site; name another "
                    "folder for --output"
                )
        self._output = output
        self._new = output.with_name(f".{output.name}.{os.getpid()}.new")
        self._hashes: dict[str, str] = {}
        self._taken: set[str] = set()

    def __enter__(self) -> SiteFolder:
        """Begin in an empty folder."""
        shutil.rmtree(self._new, ignore_errors=True)
        try:
            self._new.mkdir(parents=True)
        except OSError as error:
            raise ResultError(
                f"{printable(self._output)}: cannot be written ({error.strerror})"
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind if the site did not become whole."""
        shutil.rmtree(self._new, ignore_errors=True)

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 of every file so far, by path."""
        return self._hashes

    def write(self, path: str, content: bytes) -> None:
        """Write one file.

        Raises:
            ValueError: If the path was written before, whatever its case.
            ResultError: If there is no room.
        """
        if path.lower() in self._taken:
            raise ValueError(f"{path} is written twice")
        self._taken.add(path.lower())
        place = self._new / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except OSError as error:
            raise ResultError(
                f"{printable(self._output)}: cannot be written ({error.strerror})"
            ) from None
        self._hashes[path] = hashlib.sha256(content).hexdigest()

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest and put the site in its place."""
        content = {**manifest, "outputs": dict(sorted(self._hashes.items()))}
        self.write(MANIFEST_NAME, dump_json(content).encode() + b"\n")
        old = self._output.with_name(f".{self._output.name}.{os.getpid()}.old")
        if self._output.exists():
            self._output.rename(old)
        self._new.rename(self._output)
        shutil.rmtree(old, ignore_errors=True)
