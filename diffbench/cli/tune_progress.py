"""Progress of a tuning: the loss beside its optimum, and the time left."""

from __future__ import annotations

import time
from pathlib import Path

from rich.progress import TaskID

from diffbench.cli.output import safe
from diffbench.cli.progress import RunProgress

__all__ = ["TuningProgress"]

_SECONDS_BETWEEN_LINES = 15.0


class TuningProgress(RunProgress):
    """Shows training, and the runs before and after it."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: TaskID | None = None
        self._said = 0.0
        self._began = time.monotonic()
        self._folder: Path | None = None

    def __enter__(self) -> TuningProgress:
        super().__enter__()
        return self

    @property
    def how_to_go_on(self) -> str:
        """What to type after an interruption."""
        if self._folder is None or not self._folder.is_dir():
            return "Nothing was kept yet."
        return (
            "What is done is kept; go on with the same options and "
            f"--output {self._folder} --resume"
        )

    def training(self, n_prompts: int, n_outcomes: int, output: Path) -> None:
        """Say what is trained and show the bar."""
        self._folder = output
        self._began = self._said = time.monotonic()
        self._console.print(
            f"Training on {n_prompts} prompts with {n_outcomes:,} outcomes together"
        )
        self._steps = self._bar.add_task("", total=None)

    def step(self, done: int, total: int, loss: float, optimum: float) -> None:
        """Advance the bar, or print a line now and then where there is no screen."""
        said = f"loss {loss:.3f}, least possible {optimum:.3f}"
        if self._steps is not None:
            self._bar.update(self._steps, completed=done, total=total, description=said)
        now = time.monotonic()
        due = now - self._said >= _SECONDS_BETWEEN_LINES or done == total
        if due and not self._console.is_terminal:
            self._said = now
            self._console.print(
                f"step {done} of {total}  {said}  {now - self._began:.0f} s"
            )

    def stage(self, sentence: str) -> None:
        """Name what begins."""
        if self._steps is not None:
            self._bar.remove_task(self._steps)
            self._steps = None
        self._console.print(f"{safe(sentence)} …")

    def started(self, n_tasks: int, n_done: int, output: Path) -> None:
        """Show the bar of a run within the tuning."""
        super().started(n_tasks, n_done if n_done < n_tasks else 0, output)
        if self._folder is None:
            self._folder = output.parent

    def finished(self, name: str) -> None:
        """Advance the bar; a line a task would bury the rest."""
        if self._row is not None:
            self._bar.advance(self._row)
