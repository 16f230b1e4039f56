"""Where the `diffbench` command begins: no accident may look like a verdict.

Python ends with 1 after a traceback, and click with 1 after Ctrl-C; to a CI that runs
`diffbench check`, 1 says that the model got worse.
"""

from __future__ import annotations

import signal
import sys

from diffbench.accident import internal_error

__all__ = ["main"]


def main() -> None:
    """Run the command line; any accident, broken installations included, ends with 70."""
    if "check" in sys.argv[1:2]:
        # Ends the process as a signal does, from its first moment on.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from diffbench.cli.main import main as command

        command(prog_name="diffbench")
    except Exception as error:
        sys.exit(internal_error(error, debug="check" not in sys.argv[1:2]))
