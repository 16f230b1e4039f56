"""Work that several processes may share: each does a part, and all know the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

__all__ = ["Alone", "Sharing"]

T = TypeVar("T")


class Sharing(Protocol):
    """How independent pieces of work are divided."""

    def map(self, n: int, work: Callable[[int], T]) -> list[T]:
        """Return `work(i)` for i = 0 … n-1, the same list in every process.

        Every process has to call this, with the same n. What one of them raises, all do.
        """


class Alone:
    """One process, which does everything."""

    def map(self, n: int, work: Callable[[int], T]) -> list[T]:
        """Return `work(i)` for i = 0 … n-1."""
        return [work(i) for i in range(n)]
