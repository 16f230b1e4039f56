"""The table of changes, read as a person reads it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from diffbench.cli.deltas import print_comparison
from diffbench.compare import compare_results
from diffbench.results import RunResult
from tests.cli.test_tables import HOSTILE
from tests.results.factory import exact_task, make_run_of, sampled_task


def _printed(before: RunResult, after: RunResult, width: int = 80) -> str:
    file = StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    print_comparison(console, compare_results(before, after))
    text = file.getvalue()
    for line in text.split("\n"):
        assert cell_len(line) <= width
        assert all(c.isprintable() for c in line), "a control character came through"
    return text


def test_each_row_says_before_after_and_change() -> None:
    text = _printed(
        make_run_of(exact_task((0.8, 0.1))), make_run_of(exact_task((0.5, 0.5)))
    )
    row = next(line for line in text.splitlines() if "A fair coin" in line)
    # Valid mass 0.9, of which 8/9 are heads: 1 - (8/9 - 1/2).
    assert row.split("A fair coin")[1].split() == [
        *("0.600", "→", "1.000", "+0.400"),
        *("0.611", "→", "1.000"),
        *("0.900", "→", "1.000"),
        "0.50→1.00",
    ]


def test_a_fall_and_a_missing_value_are_shown_as_such() -> None:
    text = _printed(
        make_run_of(exact_task((0.5, 0.5)), sampled_task(["no"], name="s", title="S")),
        make_run_of(exact_task((0.9, 0.1)), sampled_task(["no"], name="s", title="S")),
    )
    assert "-0.400" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("S "))
    assert "—" in row


@pytest.mark.parametrize("text", list(HOSTILE.values()), ids=list(HOSTILE))
@pytest.mark.parametrize("width", [80, 120])
def test_hostile_names_fit_and_do_nothing(text: str, width: int) -> None:
    run = make_run_of(exact_task((0.5, 0.5), title=text, family=text))
    _printed(run, run, width)
