"""What lies beside results files: tuning records, and the tables of studies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from diffbench.errors import ResultError
from diffbench.results import RunResult
from diffbench.site.studies import check_study
from diffbench.tuning.record import RECORD_NAME, TuneRecord, load_record
from diffbench.tuning.study_record import STUDY_NAME, StudyRecord, load_study

__all__ = ["SENTENCES", "Refused", "find_records", "find_studies", "shortened"]

Read = TypeVar("Read")
SENTENCES = 3
"""Problems of a file that are named; of more, their number."""


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


def find_records(
    paths: Sequence[Path],
) -> tuple[dict[str, TuneRecord], list[Refused]]:
    """Return tuning records by the hash of their adapter, and those that are broken.

    Args:
        paths: Results files; a record lies beside one, or one folder above.
    """
    folders = {folder for path in paths for folder in path.parents[:2]}
    records: dict[str, TuneRecord] = {}
    found, refused = _read_all(sorted(folders), RECORD_NAME, load_record)
    for _, record in found:
        records.setdefault(record.adapter_sha256, record)
    return records, refused


def find_studies(
    runs: Mapping[Path, RunResult],
    paths: Sequence[Path],
    records: Mapping[str, TuneRecord],
) -> tuple[list[StudyRecord], list[Refused]]:
    """Return the tables of studies, and those that do not follow from their results.

    Args:
        runs: Sound results by path.
        paths: All results files; a study's table lies one or two folders above.
        records: Tuning records by the hash of their adapter.
    """
    folders = {folder for path in paths for folder in path.parents[1:3]}
    found, refused = _read_all(sorted(folders), STUDY_NAME, load_study)
    sound = []
    for folder, study in found:
        problems = check_study(study, folder, runs, records)
        if problems:
            refused.append(_refused(folder, STUDY_NAME, shortened(problems)))
        else:
            sound.append(study)
    return sound, refused


def shortened(problems: Sequence[str]) -> str:
    """Return the first sentences, and how many more there are."""
    more = len(problems) - SENTENCES
    shown = "; ".join(problems[:SENTENCES])
    return f"{shown}; and {more} more" if more > 0 else shown


def _read_all(
    folders: Iterable[Path], name: str, load: Callable[[Path], Read | None]
) -> tuple[list[tuple[Path, Read]], list[Refused]]:
    found: list[tuple[Path, Read]] = []
    refused: list[Refused] = []
    for folder in folders:
        try:
            one = load(folder)
        except ResultError as error:
            reason = str(error).removeprefix(f"{folder / name}: ")
            refused.append(_refused(folder, name, reason))
            continue
        if one is not None:
            found.append((folder, one))
    return found, refused


def _refused(folder: Path, name: str, reason: str) -> Refused:
    return Refused(name=f"{folder.name}/{name}", path=folder / name, reason=reason)
