"""Run `python -m diffbench`."""

from __future__ import annotations

from diffbench.entry import main

main()
