"""Made-up people: how diverse they are before and after tuning, and where they are born."""

from __future__ import annotations

from collections.abc import Sequence

from diffbench.site.biographies import make_panels
from diffbench.site.page import Page
from diffbench.site.places import MAP_HEIGHT, MAP_WIDTH
from diffbench.site.runs import Run

__all__ = ["biographies_page"]


def biographies_page(runs: Sequence[Run]) -> Page:
    """Return the page of every run that drew biographies."""
    return Page(
        path="biographies.html",
        template="biographies.html",
        here="biographies.html",
        context={
            "panels": make_panels(runs),
            "map_width": MAP_WIDTH,
            "map_height": MAP_HEIGHT,
        },
    )
