"""The results files that a board is built from: read and checked, or refused by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from diffbench.errors import DiffBenchError, ResultError, printable
from diffbench.results import RESULTS_NAME, RunResult, load_results, verify_result
from diffbench.tuning.record import RECORD_NAME, TuneRecord, load_record

__all__ = ["Inputs", "Refused", "Submission", "find_results", "read_inputs"]

# Below this, starting processes costs more than they save.
_FEW = 8
_SENTENCES = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submission:
    """A sound results file.

    Attributes:
        path: Where it lies.
        sha256: Hash of its bytes.
        result: What it holds; every number follows from the file.
    """

    path: Path
    sha256: str
    result: RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that is left out, and why.

    Attributes:
        name: Its path below the place that was named, with forward slashes.
        path: The whole path, for the person who builds.
        reason: One sentence, without any path.
    """

    name: str
    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """All that was found, in an order that depends on the contents alone.

    Attributes:
        submissions: Sound results files, each content once.
        records: Tuning records by the hash of their adapter.
        refused: Files that are left out.
        duplicates: Names of files whose content another file has, too.
    """

    submissions: Sequence[Submission]
    records: Mapping[str, TuneRecord]
    refused: Sequence[Refused]
    duplicates: Sequence[str]


def find_results(places: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return (name below its place, path) of every results file, each file once.

    Args:
        places: Results files, or folders that are searched for `results.json`.

    Raises:
        ResultError: If a place does not exist, or none of them holds a results file.
    """
    found: dict[Path, str] = {}
    for place in places:
        if place.is_dir():
            for path in sorted(place.rglob(RESULTS_NAME)):
                found.setdefault(path.resolve(), path.relative_to(place).as_posix())
        elif place.exists():
            found.setdefault(place.resolve(), place.name)
        else:
            raise ResultError(f"{printable(place)}: there is no such file or folder")
    if not found:
        raise ResultError(
            f"there is no {RESULTS_NAME} in {', '.join(printable(one) for one in places)}; "
            "name results files, or folders that hold them"
        )
    return sorted((name, path) for path, name in found.items())


def read_inputs(places: Sequence[Path], *, jobs: int = 1) -> Inputs:
    """Read and verify every results file; a broken one is refused by name.

    Args:
        places: Results files, or folders that are searched for `results.json`.
        jobs: Processes that read.

    Raises:
        ResultError: If there is nothing to read.
    """
    found = find_results(places)
    paths = [path for _, path in found]
    if jobs > 1 and len(paths) > _FEW:
        with ProcessPoolExecutor(jobs) as pool:
            read = list(pool.map(_read, paths, chunksize=4))
    else:
        read = [_read(path) for path in paths]
    refused = [
        Refused(name=name, path=path, reason=one)
        for (name, path), one in zip(found, read, strict=True)
        if isinstance(one, str)
    ]
    kept: dict[str, Submission] = {}
    duplicates: list[str] = []
    sound = [
        (one, name)
        for (name, _), one in zip(found, read, strict=True)
        if isinstance(one, Submission)
    ]
    for one, name in sorted(sound, key=lambda pair: _order(pair[0])):
        if kept.setdefault(one.result.content_sha256, one) is not one:
            duplicates.append(name)
    records, bad_records = _records(found)
    return Inputs(
        submissions=list(kept.values()),
        records=records,
        refused=[*refused, *bad_records],
        duplicates=sorted(duplicates),
    )


def _order(one: Submission) -> tuple[str, str, str]:
    return one.result.content_sha256, one.result.run.created, one.sha256


def _read(path: Path) -> Submission | str:
    try:
        result = load_results(path)
        problems = verify_result(result)
        content = path.read_bytes()
    except (DiffBenchError, OSError) as error:
        return str(error).removeprefix(f"{path}: ")
    if problems:
        more = len(problems) - _SENTENCES
        shown = "; ".join(printable(problem) for problem in problems[:_SENTENCES])
        return f"{shown}; and {more} more" if more > 0 else shown
    return Submission(path=path, sha256=hashlib.sha256(content).hexdigest(), result=result)


def _records(
    found: Sequence[tuple[str, Path]],
) -> tuple[dict[str, TuneRecord], list[Refused]]:
    """Read the tuning records that lie beside results files, or one folder above."""
    folders = {folder for _, path in found for folder in (path.parent, path.parent.parent)}
    records: dict[str, TuneRecord] = {}
    refused: list[Refused] = []
    for folder in sorted(folders):
        try:
            record = load_record(folder)
        except ResultError as error:
            path = folder / RECORD_NAME
            reason = str(error).removeprefix(f"{path}: ")
            name = f"{folder.name}/{RECORD_NAME}"
            refused.append(Refused(name=name, path=path, reason=reason))
            continue
        if record is not None:
            records.setdefault(record.adapter_sha256, record)
    return records, refused
