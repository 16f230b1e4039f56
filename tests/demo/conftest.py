"""The embedded model, ready to be measured."""

from __future__ import annotations

import pytest

from diffbench.harness.lm import EngineLM
from diffbench.models.load import LoadedModel


@pytest.fixture(scope="package")
def lm(demo: LoadedModel) -> EngineLM:
    """One for all modules."""
    return EngineLM(demo)
