"""The results files that a board is built from: read and checked, or refused by name."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diffbench.compare import common_name
from diffbench.errors import DiffBenchError, ResultError, printable
from diffbench.results import (
    PACKED_NAME,
    RESULTS_NAME,
    RunResult,
    load_results,
    verify_result,
)
from diffbench.results.packed import is_packed
from diffbench.results.schema import TargetRecord
from diffbench.site.beside import Refused, find_records, find_studies, shortened
from diffbench.site.lean import for_pages, with_shared_targets
from diffbench.site.work import forked
from diffbench.tuning.record import TuneRecord
from diffbench.tuning.study_record import StudyRecord

__all__ = ["Inputs", "Refused", "Submission", "find_results", "read_inputs"]

# Runs that are sent together hold the targets that they share once.
_CHUNK = 8


# Of this process.
_targets: dict[str, TargetRecord] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submission:
    """A sound results file.

    Attributes:
        path: Where it lies.
        sha256: Hash of its bytes.
        packed: Whether they are under gzip.
        result: What it holds; every number follows from the file. Of the prompts'
            metrics it keeps the primary one.
    """

    path: Path
    sha256: str
    packed: bool
    result: RunResult


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """All that was found, in an order that depends on the contents alone.

    Attributes:
        submissions: Sound results files, each content once.
        records: Tuning records by the hash of their adapter.
        studies: Tables of studies; every value follows from the results files.
        refused: Files that are left out.
        duplicates: Names of files whose content another file has, too.
    """

    submissions: Sequence[Submission]
    records: Mapping[str, TuneRecord]
    studies: Sequence[StudyRecord]
    refused: Sequence[Refused]
    duplicates: Sequence[str]


def find_results(places: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return (name below its place, path) of every results file, each file once.

    Args:
        places: Results files, or folders that are searched for `results.json` and
            `results.json.gz`.

    Raises:
        ResultError: If a place does not exist, or none of them holds a results file.
    """
    found: dict[Path, str] = {}
    for place in places:
        if place.is_dir():
            for path in sorted(
                path for name in (RESULTS_NAME, PACKED_NAME) for path in place.rglob(name)
            ):
                found.setdefault(path.resolve(), path.relative_to(place).as_posix())
        elif place.exists():
            found.setdefault(place.resolve(), place.name)
        else:
            raise ResultError(f"{printable(place)}: there is no such file or folder")
    if not found:
        named = ", ".join(printable(one) for one in places)
        raise ResultError(
            f"there is no {RESULTS_NAME} or {PACKED_NAME} in {named}; name results files, "
            "or folders that hold them"
        )
    return sorted((name, path) for path, name in found.items())


def read_inputs(places: Sequence[Path], *, jobs: int = 1) -> Inputs:
    """Read and verify every results file; a broken one is refused by name.

    Args:
        places: Results files, or folders that are searched for `results.json` and
            `results.json.gz`.
        jobs: Processes that read.

    Raises:
        ResultError: If there is nothing to read.
    """
    found = find_results(places)
    paths = [path for _, path in found]
    targets: dict[str, TargetRecord] = {}
    read = [
        one
        if isinstance(one, str)
        else replace(one, result=with_shared_targets(one.result, targets))
        for one in forked(lambda i: _read(paths[i]), len(paths), jobs, chunk=_CHUNK)
    ]
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
    records, bad_records = find_records(paths)
    runs = {one.path: one.result for one, _ in sound}
    studies, bad_studies = find_studies(runs, paths, records)
    return Inputs(
        submissions=list(kept.values()),
        records=records,
        studies=studies,
        refused=[*refused, *bad_records, *bad_studies],
        duplicates=sorted(duplicates),
    )


def _order(one: Submission) -> tuple[str, str, str]:
    return one.result.content_sha256, one.result.run.created, one.sha256


def _read(path: Path) -> Submission | str:
    try:
        result = with_shared_targets(load_results(path), _targets)
        problems = verify_result(result)
        content = path.read_bytes()
    except (DiffBenchError, OSError) as error:
        return str(error).removeprefix(f"{path}: ")
    problems = [*problems, *_twice(result)]
    if problems:
        return shortened([printable(problem) for problem in problems])
    return Submission(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        packed=is_packed(content),
        result=for_pages(result),
    )


def _twice(result: RunResult) -> Iterator[str]:
    """Yield a sentence for each task of which a table could show only one value."""
    names = Counter(common_name(task.name) for task in result.tasks)
    names.update(task.name for task in result.biographies)
    for name, times in names.items():
        if times > 1:
            yield (
                f"{name} is in it {times} times; give exact values and those from replies, "
                "or two measurements, in a file each"
            )
