"""The public names, and that reading results needs no torch."""

from __future__ import annotations

import subprocess
import sys

import diffbench


def test_all_is_complete_and_sorted() -> None:
    assert diffbench.__all__ == sorted(diffbench.__all__)
    for name in diffbench.__all__:
        assert getattr(diffbench, name) is not None


def test_import_is_light() -> None:
    heavy = "{'torch', 'transformers', 'lm_eval', 'plotly', 'datasets'}"
    code = f"import sys, diffbench; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
