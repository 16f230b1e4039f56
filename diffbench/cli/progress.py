"""Progress of a run: a bar with the time left, or plain lines where there is no screen."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from diffbench.cli.output import console, safe
from diffbench.errors import printable

__all__ = ["RunProgress"]


class RunProgress:
    """Shows which task is running, how many are done and the time left.

    Written to standard error, so that standard output holds results only.
    """

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._row: TaskID | None = None
        self._n_tasks = 0
        self._n_done = 0
        self._task_start = 0.0
        self.output: Path | None = None

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    @property
    def n_done(self) -> int:
        """Tasks that are stored so far."""
        return self._n_done

    def loading(self, model: str) -> None:
        """Say which model is being loaded."""
        self._console.print(f"Loading {safe(model)} …")

    def started(self, n_tasks: int, n_done: int, output: Path) -> None:
        """Show the bar, with the tasks of an interrupted run already done."""
        self._n_tasks, self._n_done, self.output = n_tasks, n_done, output
        if n_done:
            self._console.print(f"Going on: {n_done} of {n_tasks} tasks are done already.")
        self._row = self._bar.add_task("", total=n_tasks, completed=n_done)

    def task(self, name: str) -> None:
        """Name the task that begins."""
        self._task_start = time.monotonic()
        if self._row is not None:
            self._bar.update(self._row, description=safe(name.removeprefix("diffbench_")))

    def finished(self, name: str) -> None:
        """Advance the bar, or print a line where there is no screen."""
        self._n_done += 1
        if self._row is not None:
            self._bar.advance(self._row)
        if not self._console.is_terminal:
            seconds = time.monotonic() - self._task_start
            self._console.print(
                f"[{self._n_done}/{self._n_tasks}] {printable(name)}  {seconds:.1f} s",
                markup=False,
            )
