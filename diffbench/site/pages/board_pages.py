"""The overview's pages: one for each scope, and more where there are many runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from diffbench.site.board import Board
from diffbench.site.display import SPLITS, family_title
from diffbench.site.figures import dumbbell_chart
from diffbench.site.page import Page
from diffbench.site.pages.links import (
    Link,
    family_links,
    scope_path,
    split_links,
    suite_links,
)
from diffbench.site.pages.overview import COLUMNS, BlockView, Overview, make_overview
from diffbench.site.ranking import LEAST_PROMPTS
from diffbench.site.scope import Scope, make_scopes
from diffbench.site.suites import SUITE_TITLES
from diffbench.site.work import Unit

__all__ = ["RUNS_A_PAGE", "board_pages"]

RUNS_A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    number: int
    board: Board
    boards: Sequence[Board]
    scopes: Sequence[Scope]


def board_pages(number: int, boards: Sequence[Board]) -> Iterator[Unit]:
    """Yield the pages of each scope of one board."""
    board = boards[number]
    scopes = make_scopes(board)
    place = _Place(number=number, board=board, boards=boards, scopes=scopes)
    for scope in scopes:
        yield partial(_scope_pages, place, scope)


def _scope_pages(place: _Place, scope: Scope) -> Iterator[Page]:
    whole = make_overview(place.board, scope)
    parts = list(_parts(whole.blocks))
    for page, blocks in enumerate(parts, start=1):
        yield _page(place, _only(whole, blocks, page), page, len(parts))
    if len(parts) > 1:
        yield _page(place, whole, None, len(parts))


def _only(whole: Overview, blocks: Sequence[BlockView], page: int) -> Overview:
    incomplete = whole.incomplete if page == 1 else ()
    return replace(whole, blocks=blocks, incomplete=incomplete)


def _parts(blocks: Sequence[BlockView]) -> Iterator[list[BlockView]]:
    """Fill pages with whole blocks; one page where there is nothing."""
    part: list[BlockView] = []
    size = 0
    for block in blocks:
        if part and size + len(block.rows) > RUNS_A_PAGE:
            yield part
            part, size = [], 0
        part.append(block)
        size += len(block.rows)
    yield part


def _page(place: _Place, view: Overview, page: int | None, n_pages: int) -> Page:
    scope = view.scope
    path = scope_path(place.number, scope, page)
    root = "../" * path.count("/")
    all_href = root + scope_path(place.number, scope, None) if n_pages > 1 else ""
    context: dict[str, Any] = {
        "heading": _heading(scope),
        "suites": suite_links(root, place.number, scope, place.scopes),
        "families": family_links(root, place.number, scope, place.scopes),
        "splits": split_links(root, place.number, scope, place.scopes),
        "columns": COLUMNS,
        "blocks": view.blocks,
        "perfect": view.perfect,
        "incomplete": view.incomplete,
        "n_not_asked": view.n_not_asked,
        "summary": _summary(view, page, n_pages),
        "all_href": "" if page is None else all_href,
        "pages": _page_links(root, place.number, scope, page, n_pages),
        "resampled": view.n_prompts >= LEAST_PROMPTS,
        "chart": None if page is None else _chart(view),
        "settings": place.board.settings,
        "ranked": view.ranked,
        "others": _others(root, place),
    }
    return Page(path=path, template="overview.html", here="index.html", context=context)


def _heading(scope: Scope) -> str:
    suite = f"{SUITE_TITLES[scope.suite]}, all families"
    family = suite if scope.family is None else family_title(scope.family)
    return family if scope.split == "all" else f"{family}, {SPLITS[scope.split].lower()}"


def _summary(view: Overview, page: int | None, n_pages: int) -> str:
    n_runs = sum(len(block.rows) for block in view.blocks)
    kind = "ranked " if view.ranked else ""
    what = f"{n_runs} {kind}{'run' if n_runs == 1 else 'runs'}"
    tasks = len(view.scope.questions)
    over = f"{tasks} {'task' if tasks == 1 else 'tasks'}, {view.n_prompts} prompts"
    where = f", page {page} of {n_pages}" if page is not None and n_pages > 1 else ""
    return f"{what} over {over}{where}."


def _page_links(
    root: str, board: int, scope: Scope, page: int | None, n_pages: int
) -> list[Link]:
    if n_pages == 1:
        return []
    links = [
        Link(href=root + scope_path(board, scope, i), text=str(i), here=i == page)
        for i in range(1, n_pages + 1)
    ]
    everything = root + scope_path(board, scope, None)
    return [*links, Link(href=everything, text="all on one page", here=page is None)]


def _chart(view: Overview) -> Any:
    pairs = [
        (row.run.label, row.before, row.value.sort)
        for block in view.blocks
        for row in block.rows
        if row.value.sort is not None
    ]
    return (
        dumbbell_chart([(a, b, c) for a, b, c in pairs if c is not None]) if pairs else None
    )


def _others(root: str, place: _Place) -> list[Link]:
    """Return links to the other boards, each named by the settings that differ."""
    links = []
    for number, board in enumerate(place.boards):
        if number == place.number:
            continue
        differs = [
            f"{name} {value}"
            for (name, value), (_, ours) in zip(
                board.settings, place.board.settings, strict=True
            )
            if value != ours
        ]
        n_runs = len(board.runs) + len(board.perfect)
        path = scope_path(number, make_scopes(board)[0])
        text = f"{', '.join(differs)}: {n_runs} {'run' if n_runs == 1 else 'runs'}"
        links.append(Link(href=root + path, text=text, here=False))
    return links
