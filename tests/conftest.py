"""Settings and fixtures that all tests share."""

from __future__ import annotations

import os

# Before anything imports torch or tqdm.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from diffbench.models.load import LoadedModel


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let no test be skipped quietly in CI."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run slow tests in CI, and where they are asked for by `-m slow`; the longest first.

    What comes last is short, so that no worker ends long after the other. Tests of one
    `xdist_group` share a dear fixture and are one worker's.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    grouped = [item for item in items if item.get_closest_marker("xdist_group")]
    first = dict.fromkeys([*slow, *grouped, *items])
    if os.environ.get("CI") != "true" and not config.getoption("markexpr"):
        config.hook.pytest_deselected(items=slow)
        first = dict.fromkeys(item for item in first if item not in set(slow))
    items[:] = first


@pytest.fixture(scope="session")
def demo() -> LoadedModel:
    """The embedded demo model in float32 on the CPU."""
    from diffbench.models import parse_model
    from diffbench.models.load import LoadOptions, load_model

    return load_model(parse_model("demo"), LoadOptions(device="cpu", dtype="float32"))
