"""DiffBench: does a language model draw from the distribution it was asked for?"""

from __future__ import annotations

__version__ = "0.1.0"
