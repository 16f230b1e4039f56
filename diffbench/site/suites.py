"""Which suite a task belongs to: means are taken within one, never across suites."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal, TypeAlias, get_args

from diffbench.compare import common_name
from diffbench.suite import shipped_catalog

__all__ = ["SUITES", "SUITE_TITLES", "Suite", "shipped_family", "short_family", "suite_of"]

Suite: TypeAlias = Literal["core", "natural", "instructed", "other"]

SUITES: tuple[Suite, ...] = get_args(Suite)
SUITE_TITLES: Mapping[Suite, str] = {
    "core": "Core",
    "natural": "Natural",
    "instructed": "Instructed",
    "other": "Other tasks",
}
_PREFIX = "instructed_"


def suite_of(task: str) -> Suite:
    """Return the suite of a task of that name; `other` where none is shipped."""
    return _suites().get(common_name(task), "other")


def shipped_family(task: str) -> str | None:
    """Return the family of a shipped task, whatever a results file calls it."""
    found = shipped_catalog().tasks.get(common_name(task))
    return None if found is None else found.family


def short_family(family: str) -> str:
    """Return a family's name among those of its suite: `coin` for `instructed_coin`."""
    return family.removeprefix(_PREFIX)


@cache
def _suites() -> Mapping[str, Suite]:
    groups = shipped_catalog().groups
    return {
        task: suite
        for suite in SUITES
        for group in (f"diffbench_{suite}", f"diffbench_{suite}_heldout")
        if group in groups
        for task in groups[group].tasks
    }
