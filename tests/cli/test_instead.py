"""The invalid replies that expansion found, as the terminal shows them."""

from __future__ import annotations

import io

from rich.console import Console

from diffbench.cli.instead import bound_note, print_instead
from diffbench.results import (
    Exploration,
    ExploredReply,
    RunResult,
    TaskResult,
    metrics_from_exploration,
)
from tests.results.factory import exact_task, make_run_of


def _expanded(*replies: tuple[str, float, bool], undecided: float = 0.001) -> TaskResult:
    task = exact_task((0.5, 0.2), (0.4, 0.3))
    exploration = Exploration(
        reachable=[undecided, undecided],
        undecided=undecided,
        passes=10,
        invalid_replies=[
            ExploredReply(reply=text, probability=mass, is_open=is_open)
            for text, mass, is_open in replies
        ],
    )
    prompts = [
        prompt.model_copy(
            update={
                "exploration": exploration,
                "metrics": metrics_from_exploration(
                    task.target, prompt.probabilities or [], exploration
                ),
            }
        )
        for prompt in task.prompts
    ]
    return task.model_copy(update={"estimator": "expanded", "prompts": prompts})


def _printed(result: RunResult) -> str:
    stream = io.StringIO()
    print_instead(Console(file=stream, width=80), result)
    return stream.getvalue()


def test_the_commonest_come_first_and_open_ones_say_so() -> None:
    task = _expanded(("Sure!", 0.2, True), ("{7, 3}", 0.05, False), ("", 0.02, False))
    lines = _printed(make_run_of(task)).splitlines()
    assert [line.strip() for line in lines[3:6]] == [
        "20.0%  Sure! …",
        "5.0%  {7, 3}",
        "2.0%  (an empty reply)",
    ]


def test_hostile_replies_stay_text() -> None:
    shown = _printed(make_run_of(_expanded(("[red]\x1b[2J:smile:\n", 0.2, False))))
    assert "\x1b" not in shown
    assert "[red]" in shown
    assert ":smile:" in shown


def test_nothing_is_said_where_nothing_matters() -> None:
    assert _printed(make_run_of(_expanded(("{11}", 1e-4, False)))) == ""
    assert _printed(make_run_of(exact_task((0.5, 0.2)))) == ""


def test_the_note_names_the_widest_bound() -> None:
    assert bound_note(make_run_of(exact_task((0.5, 0.2)))) is None
    note = bound_note(make_run_of(_expanded(undecided=0.002)))
    assert note is not None
    assert "0.0020 above it" in note
