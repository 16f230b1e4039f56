"""Lines that a CI log shows and never obeys.

GitHub reads a line that begins with `::` as a command, from standard output and error
alike, and `##[` anywhere in a line; names and replies of a model could spell either.
"""

from __future__ import annotations

from diffbench.errors import printable

__all__ = ["log_line", "log_text"]

_LONGEST = 2000


def log_line(text: object, limit: int = _LONGEST) -> str:
    """Return text on one line that no CI takes for a command."""
    shown = printable(text, limit)
    return shown.replace("::", ": :").replace("##[", "## [")


def log_text(text: str) -> str:
    """Return lines of our own making, each of them harmless."""
    return "\n".join(log_line(line) for line in text.split("\n"))
