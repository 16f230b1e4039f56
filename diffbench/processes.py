"""Several processes that `accelerate launch` started to work on one model.

Every process runs the same program. Those but the first say nothing and write nothing.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Processes", "is_first", "is_one_of_many", "local_rank"]

T = TypeVar("T")


def is_one_of_many() -> bool:
    """Whether a launcher started several processes."""
    return _number("WORLD_SIZE", 1) > 1


def is_first() -> bool:
    """Whether this process speaks for all; a process alone does."""
    return not is_one_of_many() or _number("RANK", 0) == 0


def local_rank() -> int:
    """Return this process's place among those of its machine."""
    return _number("LOCAL_RANK", 0)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else default


class Processes:
    """Divides work among the processes, if there are several; joins them when made."""

    def __init__(self) -> None:
        self._rank, self.size = 0, 1
        if is_one_of_many():
            import torch
            from accelerate import PartialState

            # Asked for a GPU where there is none, accelerate leaves each process alone.
            state = PartialState(cpu=not torch.cuda.is_available())
            # Threads of a group that is still there when Python ends abort the process.
            atexit.register(state.destroy_process_group)
            self._rank, self.size = int(state.process_index), int(state.num_processes)

    def map(self, n: int, work: Callable[[int], T]) -> list[T]:
        """Return `work(i)` for i = 0 … n-1, the same list in every process.

        Every process has to call this, with the same n. What one of them raises, all do.
        """
        if self.size == 1:
            return [work(i) for i in range(n)]
        mine = [i for i in range(n) if i % self.size == self._rank]
        done: dict[int, T] = {}
        failed: Exception | None = None
        try:
            for i in mine:
                done[i] = work(i)
        # Whatever it is, the others must hear of it, or they would wait for ever.
        except Exception as error:
            failed = error
        found = self._gather((done, failed))
        for _, raised in found:
            if raised is not None:
                raise raised
        whole = {i: value for part, _ in found for i, value in part.items()}
        return [whole[i] for i in range(n)]

    def first(self, work: Callable[[], T]) -> T:
        """Return what the first process's `work` returns, or raise what it raises."""
        return self.map(1, lambda _: work())[0]

    def _gather(
        self, mine: tuple[dict[int, T], Exception | None]
    ) -> list[tuple[dict[int, T], Exception | None]]:
        from accelerate.utils import gather_object

        found: list[tuple[dict[int, T], Exception | None]] = gather_object([mine])
        return found
