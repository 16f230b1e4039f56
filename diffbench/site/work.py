"""Work on several cores, on runs that are shared by forking; only what is made comes back.

What was read is millions of small objects, none of them garbage. The collector would walk
them all again and again, and the time of a build would grow with the square of its runs; so
it rests meanwhile. What it would have freed are a few cycles, and a build ends soon.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from diffbench.site.page import Page

__all__ = ["Unit", "collector_resting", "forked"]

Made = TypeVar("Made")
Unit: TypeAlias = Callable[[], Iterable[Page]]
"""Some pages, made when they are asked for."""

# Below this, starting processes costs more than they save.
_FEW = 8
# A forked process finds its work here; a thousand runs would take long to send.
_shared: list[Callable[[int], Any]] = []


@contextmanager
def collector_resting() -> Iterator[None]:
    """Switch the garbage collector off, in processes that are forked within, too."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def forked(
    make: Callable[[int], Made], n: int, jobs: int, *, chunk: int = 1
) -> Iterator[Made]:
    """Yield make(0), …, make(n - 1), in this order.

    Args:
        make: Makes one; what it needs is shared, what it returns is sent.
        n: How many.
        jobs: Processes; one is used where there is little to do, or nothing can fork.
        chunk: How many are sent together.
    """
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    if jobs == 1 or n < _FEW or not can_fork:
        yield from map(make, range(n))
        return
    _shared.append(make)
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield from pool.imap(_make, range(n), chunksize=chunk)
    finally:
        _shared.pop()


def _make(number: int) -> Any:
    return _shared[-1](number)
