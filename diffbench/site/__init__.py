"""The leaderboard: a static site from results files."""

from __future__ import annotations

from diffbench.site.build import BuildReport, build_site
from diffbench.site.inputs import Inputs, Refused, read_inputs

__all__ = ["BuildReport", "Inputs", "Refused", "build_site", "read_inputs"]
