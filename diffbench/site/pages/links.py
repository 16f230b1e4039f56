"""Where the overview's scopes and pages lie, and links between them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from diffbench.site.display import SPLITS, family_title
from diffbench.site.runs import slugify
from diffbench.site.scope import Scope
from diffbench.site.suites import SUITE_TITLES, Suite, short_family

__all__ = ["Link", "family_links", "scope_path", "split_links", "suite_links"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link relative to the page that holds it."""

    href: str
    text: str
    here: bool


def scope_path(board: int, scope: Scope, page: int | None = 1) -> str:
    """Return a page's path within the site.

    Args:
        board: Number of the board, from 0.
        scope: Which tasks.
        page: Number of the page, from 1; None for the one that holds all runs.
    """
    folder = f"board-{board + 1}/" if board else ""
    suffix = "-all" if page is None else f"-{page}" if page > 1 else ""
    if scope.home:
        return f"{folder}index{suffix}.html"
    stem = f"suite-{scope.suite}" if scope.family is None else _stem(scope)
    return f"{folder}scope/{stem}.{scope.split.replace('_', '-')}{suffix}.html"


def suite_links(root: str, board: int, here: Scope, scopes: Sequence[Scope]) -> list[Link]:
    """Return a link for each suite, in the same split where it has that."""
    return [
        Link(
            href=root + scope_path(board, _nearest(suite, None, here.split, scopes)),
            text=SUITE_TITLES[suite],
            here=suite == here.suite,
        )
        for suite in dict.fromkeys(scope.suite for scope in scopes)
    ]


def family_links(root: str, board: int, here: Scope, scopes: Sequence[Scope]) -> list[Link]:
    """Return a link for each family of the suite, in the same split where it has that."""
    families = dict.fromkeys(scope.family for scope in scopes if scope.suite == here.suite)
    return [
        Link(
            href=root + scope_path(board, _nearest(here.suite, family, here.split, scopes)),
            text="All families" if family is None else family_title(short_family(family)),
            here=family == here.family,
        )
        for family in families
    ]


def split_links(root: str, board: int, here: Scope, scopes: Sequence[Scope]) -> list[Link]:
    """Return a link for each split of the same suite or family."""
    return [
        Link(
            href=root + scope_path(board, scope),
            text=SPLITS[scope.split],
            here=scope.split == here.split,
        )
        for scope in scopes
        if (scope.suite, scope.family) == (here.suite, here.family)
    ]


def _stem(scope: Scope) -> str:
    """Return a name for files; that of anybody's own family ends in a hash."""
    family = scope.family or ""
    if scope.suite != "other":
        return family
    # Neither a shipped family's nor a suite's name ends so.
    return f"{slugify(family)}-{hashlib.sha256(family.encode()).hexdigest()[:8]}"


def _nearest(
    suite: Suite, family: str | None, split: str, scopes: Sequence[Scope]
) -> Scope:
    mine = [scope for scope in scopes if (scope.suite, scope.family) == (suite, family)]
    return next((scope for scope in mine if scope.split == split), mine[0])
