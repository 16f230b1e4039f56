"""An unfinished run on disk: finished tasks survive a kill, and nothing is half there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from diffbench.errors import ResultError
from diffbench.results.biographies import BiographyResult
from diffbench.results.files import RESULTS_NAME, load_results, write_atomic
from diffbench.results.journal import ReplyJournal
from diffbench.results.schema import Independence, RunResult, TaskResult

__all__ = ["AnyResult", "PartialRun", "SampleRow"]

SampleRow = dict[str, Any]
AnyResult: TypeAlias = TaskResult | BiographyResult

_FOLDER = "partial"
_MANIFEST = "run.json"
_PROBES = "probes.json"


class PartialRun:
    """The folder of one run while it is going on.

    Args:
        output: The run's folder.
        run_id: Hash of everything that decides the numbers.
    """

    def __init__(self, output: Path, run_id: str) -> None:
        self.output = output
        self._folder = output / _FOLDER
        self._run_id = run_id
        self._made_output = False

    def begin(self, *, resume: bool) -> RunResult | None:
        """Take the folder, or go on in it.

        Returns:
            The finished results, if this very run is already complete.

        Raises:
            ResultError: If the folder holds another run, or any without `resume`.
        """
        results = self.output / RESULTS_NAME
        manifest = self._folder / _MANIFEST
        try:
            is_finished, is_begun = results.exists(), manifest.exists()
        except OSError as error:
            raise ResultError(
                f"{self.output} cannot be read ({error.strerror}); give another --output"
            ) from None
        if not resume and (is_finished or is_begun):
            done = "a finished" if is_finished else "an unfinished"
            raise ResultError(
                f"{self.output} already holds {done} run; give another --output"
                + ("" if is_finished else ", or add --resume to go on with it")
            )
        if is_finished:
            finished = load_results(results)
            self._require_same(finished.run.id)
            return finished
        if is_begun:
            self._require_same(str(_read_json(manifest).get("run_id")))
        else:
            self._made_output = not self.output.exists()
            _write_json(manifest, {"run_id": self._run_id})
        return None

    def _require_same(self, run_id: str) -> None:
        if run_id != self._run_id:
            raise ResultError(
                f"{self.output} holds a run of another model, other tasks or other "
                "settings; give the same options as before, or another --output"
            )

    def load(self, task: str) -> tuple[AnyResult, list[SampleRow]] | None:
        """Return a task that was finished before the interruption, if it was."""
        path = self._path(task)
        if not path.exists():
            return None
        try:
            piece = _Piece.model_validate(_read_json(path))
        except ValidationError:
            raise _damaged(path) from None
        if piece.result.name != task:
            raise _damaged(path)
        return piece.result, piece.samples

    def is_stored(self, task: str) -> bool:
        """Whether a task was finished before the interruption."""
        return self._path(task).exists()

    def store(self, result: AnyResult, samples: list[SampleRow]) -> None:
        """Keep a finished task."""
        content = {"result": result.model_dump(mode="json"), "samples": samples}
        _write_json(self._path(result.name), content)

    def journal(self, task: str, prompt: str) -> ReplyJournal:
        """Return the replies to one prompt of a task that is not finished."""
        return ReplyJournal(self._folder / f"replies-{self._key(task, prompt)}.jsonl")

    def probes(self) -> list[Independence]:
        """Return what a server's tests have found, one for each time the run went on."""
        path = self._folder / _PROBES
        if not path.exists():
            return []
        try:
            return _Probes.model_validate(_read_json(path)).probes
        except ValidationError:
            raise _damaged(path) from None

    def store_probe(self, found: Independence) -> None:
        """Keep what a test of the server has found."""
        probes = _Probes(probes=[*self.probes(), found])
        _write_json(self._folder / _PROBES, probes.model_dump(mode="json"))

    def give_back(self) -> None:
        """Leave no trace of a run that has kept nothing."""
        if [path.name for path in self._folder.iterdir()] == [_MANIFEST]:
            shutil.rmtree(self._folder)
            if self._made_output and not any(self.output.iterdir()):
                self.output.rmdir()

    def end(self) -> None:
        """Remove the pieces once `results.json` is written."""
        shutil.rmtree(self._folder)

    def _path(self, task: str) -> Path:
        return self._folder / f"task-{self._key(task)}.json"

    def _key(self, *names: str) -> str:
        # A task's name may be any text, and a piece of another run is never taken.
        joined = "\0".join([self._run_id, *names])
        return hashlib.sha256(joined.encode()).hexdigest()[:32]


class _Piece(BaseModel):
    result: AnyResult
    samples: list[SampleRow]


class _Probes(BaseModel):
    probes: list[Independence]


def _write_json(path: Path, content: object) -> None:
    write_atomic(path, json.dumps(content, allow_nan=False).encode())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> ResultError:
    return ResultError(f"{path}: damaged; remove it and resume again")
