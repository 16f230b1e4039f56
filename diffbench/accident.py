"""The exit code of an accident, which no verdict has."""

from __future__ import annotations

import os
import sys
import traceback

__all__ = ["EXIT_INTERNAL", "internal_error"]

EXIT_INTERNAL = 70
"""Of sysexits.h: an internal software error."""

_LONGEST = 500


def internal_error(error: BaseException, *, debug: bool = False) -> int:
    """Say in one line what went wrong inside, and return the exit code for it.

    Args:
        error: What was raised.
        debug: Whether to print the traceback too; the variable DIFFBENCH_DEBUG does so.
    """
    try:
        if debug or os.environ.get("DIFFBENCH_DEBUG"):
            traceback.print_exception(error)
        text = " ".join(str(error).split())[:_LONGEST]
        shown = text.encode("ascii", "backslashreplace").decode().replace("::", ": :")
        sys.stderr.write(
            f"Internal error, no verdict: {type(error).__name__}: {shown} "
            "(set DIFFBENCH_DEBUG=1 for the traceback)\n"
        )
        sys.stderr.flush()
    except OSError:
        # Nobody reads; the exit code still says it.
        sys.stderr = None
    return EXIT_INTERNAL
