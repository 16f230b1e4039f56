"""Which suite a family belongs to: means are taken within one, never across suites."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal, TypeAlias, get_args

from diffbench.suite import shipped_catalog

__all__ = ["SUITES", "SUITE_TITLES", "Suite", "short_family", "suite_of"]

Suite: TypeAlias = Literal["core", "natural", "instructed", "other"]

SUITES: tuple[Suite, ...] = get_args(Suite)
SUITE_TITLES: Mapping[Suite, str] = {
    "core": "Core",
    "natural": "Natural",
    "instructed": "Instructed",
    "other": "Other tasks",
}


def suite_of(family: str) -> Suite:
    """Return the shipped suite that has a family; `other` for anybody's own families."""
    return _shipped().get(family, "other")


def short_family(family: str) -> str:
    """Return a family's name among those of its suite: `coin` for `instructed_coin`."""
    return family.removeprefix(f"{suite_of(family)}_")


@cache
def _shipped() -> Mapping[str, Suite]:
    catalog = shipped_catalog()
    return {
        catalog.tasks[task].family: suite
        for suite in SUITES
        for group in (f"diffbench_{suite}", f"diffbench_{suite}_heldout")
        if group in catalog.groups
        for task in catalog.groups[group].tasks
    }
