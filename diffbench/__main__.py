"""Run `python -m diffbench`."""

from __future__ import annotations

from diffbench.cli.main import main

main(prog_name="diffbench")
