"""Write and read results files: atomic, sealed by a hash, refused when in doubt."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffbench.errors import ResultError, printable
from diffbench.results.compact import MOST_BYTES, declared_bytes
from diffbench.results.packed import is_packed, pack, unpack
from diffbench.results.schema import SCHEMA_VERSION, RunResult

__all__ = [
    "PACKED_NAME",
    "RESULTS_NAME",
    "SAMPLES_NAME",
    "content_sha256",
    "load_results",
    "write_atomic",
    "write_results",
    "write_samples",
]

RESULTS_NAME = "results.json"
PACKED_NAME = "results.json.gz"
SAMPLES_NAME = "samples.jsonl.gz"

# Two runs that found the same have the same hash, whenever and how long they ran.
_NOT_HASHED = ("created", "duration_s")


def content_sha256(content: Mapping[str, Any]) -> str:
    """Hash a results file's content, but for its times and the hash itself."""
    run = {k: v for k, v in dict(content["run"]).items() if k not in _NOT_HASHED}
    hashed = {k: v for k, v in content.items() if k != "content_sha256"} | {"run": run}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, even if power fails.

    Raises:
        ResultError: If it cannot be written; what stood there before still does.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_to_disk(temporary, content)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ResultError(
            f"{path}: cannot be written ({error.strerror}); free the place or name "
            "another folder"
        ) from None


def _write_to_disk(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def write_results(folder: Path, result: RunResult, *, packed: bool = False) -> Path:
    """Write `results.json`, or `results.json.gz`, into a folder and return its path."""
    text = json.dumps(
        result.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False
    )
    content = f"{text}\n".encode()
    path = folder / (PACKED_NAME if packed else RESULTS_NAME)
    write_atomic(path, pack(content) if packed else content)
    return path


def write_samples(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write `samples.jsonl.gz`; the same rows give the same bytes."""
    path = folder / SAMPLES_NAME
    lines = (json.dumps(row, ensure_ascii=True).encode() + b"\n" for row in rows)
    write_atomic(path, pack(b"".join(lines)))
    return path


def load_results(path: str | Path) -> RunResult:
    """Read and check a results file, or the one in a results folder.

    A file under gzip is read as well, up to `MOST_BYTES` of JSON.

    Raises:
        ResultError: If it is missing, truncated, edited, from a newer DiffBench or does
            not fit the schema; or if a folder holds two.
    """
    path = _file_at(Path(path))
    content = _read_json(path)
    _check_version(path, content)
    _check_size(path, content)
    try:
        result = RunResult.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        # A message about the whole file names its own place.
        place = [".".join(str(part) for part in first["loc"])] if first["loc"] else []
        reason = ": ".join(printable(part) for part in (*place, first["msg"]))
        raise ResultError(f"{path}: {reason}; this is not a sound results file") from None
    if content_sha256(content) != result.content_sha256:
        raise ResultError(
            f"{path}: the content does not match its content_sha256; the file was edited "
            "or damaged, so run the measurement again"
        )
    return result


def _file_at(path: Path) -> Path:
    try:
        if not path.is_dir():
            return path
        plain, packed = path / RESULTS_NAME, path / PACKED_NAME
        if not packed.exists():
            return plain
        if not plain.exists():
            return packed
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror})") from None
    raise ResultError(
        f"{path}: holds both {RESULTS_NAME} and {PACKED_NAME}; name the one that is meant"
    )


def _read_json(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> float:
        raise ResultError(f"{path}: holds {constant}, which is no number")

    try:
        content = json.loads(_read_text(path), parse_constant=refuse)
    except FileNotFoundError:
        raise ResultError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror})") from None
    # Beside malformed JSON and text: a number of thousands of digits, deep nesting.
    except (ValueError, RecursionError) as error:
        raise ResultError(
            f"{path}: not a whole JSON file ({printable(error)}); it may be truncated"
        ) from None
    if not isinstance(content, dict):
        raise ResultError(f"{path}: a results file is a JSON object")
    return content


def _read_text(path: Path) -> str:
    content = path.read_bytes()
    if is_packed(content):
        try:
            content = unpack(content)
        except ValueError as error:
            raise ResultError(f"{path}: {error}") from None
    return content.decode()


def _check_size(path: Path, content: Mapping[str, Any]) -> None:
    unpacked = declared_bytes(content)
    if unpacked > MOST_BYTES:
        raise ResultError(
            f"{path}: its lists declare {unpacked:,} bytes, and at most {MOST_BYTES:,} are "
            "unpacked; this is not a sound results file"
        )


def _check_version(path: Path, content: Mapping[str, Any]) -> None:
    version = content.get("schema_version")
    if version == SCHEMA_VERSION:
        return
    if isinstance(version, str) and re.fullmatch(r"[1-9][0-9]{0,8}", version):
        raise ResultError(
            f"{path}: schema_version is {version}, and this DiffBench reads up to "
            f"{SCHEMA_VERSION}; update diffbench"
        )
    raise ResultError(
        f"{path}: schema_version is {printable(version)!r}; this is not a DiffBench "
        "results file"
    )
