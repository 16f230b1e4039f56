"""Render pages on several cores: the runs are shared by forking, the pages come back."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from diffbench.site.page import Frame, Page

__all__ = ["Unit", "render_units"]

Unit: TypeAlias = Callable[[], Iterable[Page]]
"""Some pages, made when they are asked for."""

_FEW = 40
# A forked process finds its work here; a thousand runs would take long to send.
_shared: list[tuple[Frame, Sequence[Unit]]] = []


def render_units(
    frame: Frame, units: Sequence[Unit], jobs: int
) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of every page, in the order of the units.

    Args:
        frame: What all pages share.
        units: The pages.
        jobs: Processes; one is used where there is little to do, or nothing can fork.
    """
    if (
        jobs == 1
        or len(units) < _FEW
        or "fork" not in multiprocessing.get_all_start_methods()
    ):
        for unit in units:
            yield from _rendered(frame, unit)
        return
    _shared.append((frame, units))
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            for pages in pool.imap(_render_unit, range(len(units))):
                yield from pages
    finally:
        _shared.clear()


def _render_unit(number: int) -> list[tuple[str, bytes]]:
    frame, units = _shared[-1]
    return list(_rendered(frame, units[number]))


def _rendered(frame: Frame, unit: Unit) -> Iterator[tuple[str, bytes]]:
    for page in unit():
        yield page.path, frame.render(page)
