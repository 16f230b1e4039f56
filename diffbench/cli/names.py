"""A list of names on the command line."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["NAMES"]


class _Names(click.ParamType[tuple[str, ...]]):
    """Names separated by commas."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


NAMES = _Names()
