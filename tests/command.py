"""`diffbench` without a process of its own, which would take seconds to start."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from diffbench.cli.main import main

__all__ = ["diffbench"]


def diffbench(*words: str, cwd: Path) -> Result:
    """Run a command line in a folder; nothing but an exit may escape it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        found = CliRunner().invoke(main, words, prog_name="diffbench")
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found
