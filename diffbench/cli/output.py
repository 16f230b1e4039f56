"""What every command prints with."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from diffbench.errors import printable

__all__ = ["console", "echo_json", "json_option", "percent", "safe"]

_WIDTH_OF_FILES = 100
_LEAST_WIDTH = 80

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for a machine to read."
)


def console(*, stderr: bool = False) -> Console:
    """Return a console; where there is no terminal, wide enough for every table."""
    found = Console(stderr=stderr, highlight=False, emoji=False)
    width = found.width if found.is_terminal else _WIDTH_OF_FILES
    # Narrower, a table would cut its numbers; a terminal wraps the lines instead.
    return Console(
        stderr=stderr, highlight=False, emoji=False, width=max(width, _LEAST_WIDTH)
    )


def echo_json(content: Any) -> None:
    """Print JSON; never NaN."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False))


def safe(text: object, limit: int = 200) -> str:
    """Make hostile text harmless in a terminal and in rich's own markup."""
    return escape(printable(text, limit))


def percent(share: float) -> str:
    """Show a share below 1 in percent, and never as all of it."""
    return f"{share:.1%}" if share < 0.9995 else "over 99.9%"
