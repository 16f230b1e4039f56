"""Progress of a run: a bar with the time left, or plain lines where there is no screen."""

from __future__ import annotations

import math
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

_WORTH_SAYING = 2.0
_SECONDS_BETWEEN_WAITS = 30.0


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
        self._n_calls = 0
        self._n_kept = 0
        self._n_replies = 0
        self._said_wait = -math.inf
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

    @property
    def kept(self) -> str:
        """What an interrupted run would go on from, or nothing."""
        if self.output is None:
            return ""
        if self._n_replies:
            n = self._n_kept + self._n_calls
            return f"{self._n_replies} of {n} replies are kept"
        return f"{self._n_done} finished tasks are kept"

    def loading(self, model: str) -> None:
        """Say which model is being loaded."""
        self._console.print(f"Loading {safe(model)} …")

    def started(self, n_tasks: int, n_done: int, output: Path) -> None:
        """Show the bar, with the tasks of an interrupted run already done."""
        self._n_tasks, self._n_done, self.output = n_tasks, n_done, output
        if n_done:
            self._console.print(f"Going on: {n_done} of {n_tasks} tasks are done already.")
        if self._row is not None:
            self._bar.remove_task(self._row)
        if self._n_calls:
            total, completed = self._n_kept + self._n_calls, self._n_kept
        else:
            total, completed = n_tasks, n_done
        self._row = self._bar.add_task("", total=total, completed=completed)

    def task(self, name: str) -> None:
        """Name the task that begins."""
        self._task_start = time.monotonic()
        if self._row is not None:
            self._bar.update(self._row, description=safe(name.removeprefix("diffbench_")))

    def finished(self, name: str) -> None:
        """Advance the bar, or print a line where there is no screen."""
        self._n_done += 1
        if self._row is not None and not self._n_calls:
            self._bar.advance(self._row)
        if not self._console.is_terminal:
            seconds = time.monotonic() - self._task_start
            self._console.print(
                f"[{self._n_done}/{self._n_tasks}] {printable(name)}  {seconds:.1f} s",
                markup=False,
            )

    def calls(self, n_calls: int, n_kept: int, n_probes: int) -> None:
        """Say how many calls there will be, before the first."""
        self._n_calls, self._n_kept, self._n_replies = n_calls, n_kept, n_kept
        kept = f" ({n_kept:,} replies are there already)" if n_kept else ""
        self._console.print(
            f"{n_calls:,} calls to the API{kept}, and before them {n_probes} to "
            f"{3 * n_probes} that test whether its replies are independent."
        )

    def reply(self) -> None:
        """Advance the bar by a reply."""
        self._n_replies += 1
        if self._row is not None:
            self._bar.advance(self._row)

    def waiting(self, seconds: float, reason: str) -> None:
        """Say why nothing happens, now and then."""
        now = time.monotonic()
        if seconds >= _WORTH_SAYING and now - self._said_wait >= _SECONDS_BETWEEN_WAITS:
            self._said_wait = now
            self._console.print(f"Waiting {seconds:.0f} s: {safe(reason, 400)}")

    def doubt(self, sentence: str) -> None:
        """Print a warning."""
        self._console.print(f"[yellow]Note:[/] {safe(sentence, 400)}")
