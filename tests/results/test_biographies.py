from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from diffbench.cli.main import main
from diffbench.errors import ResultError
from diffbench.harness.one_biography import run_biography
from diffbench.options import RunOptions
from diffbench.results import (
    BiographyResult,
    RunResult,
    load_results,
    sealed_result,
    verify_result,
    write_results,
)
from diffbench.suite import shipped_catalog
from tests.harness.made_up import PersonLM, person, render
from tests.results.factory import content_of, make_run, seal

HOSTILE = (
    "",
    "{" * 40,
    "{" + "a" * 10_000,
    "\u202e{olleh}\x00",
    "no braces \x1b[2J at all",
    "\ud800{Ines}",
    "<script>alert(1)</script>",
    render(["[red]Ines[/] <b>", "Male", "May 1, 1990", "<i>Oslo</i>, N", "=1+1", "{"]),
    render(["<img src=x> Stone", "Male", "May 1, 1990", "Oslo, <b>", "=1+1", "[red]x[/]"]),
    render(["أحمد حداد", "Male", "May 1, 1990", "بيروت, لبنان", "كاتب", "كتب"]),
)


def hostile(rng: np.random.Generator) -> str:
    return HOSTILE[rng.integers(len(HOSTILE))] if rng.random() < 0.5 else person(rng)


def biographies(reply: Callable[[np.random.Generator], str] = person) -> BiographyResult:
    task = shipped_catalog().biographies["diffbench_biographies"]
    lm: Any = PersonLM(reply)
    return run_biography(lm, task, RunOptions(model="demo", samples=120)).result


PEOPLE = biographies()
HOSTILE_PEOPLE = biographies(hostile)


def run_of(*tasks: BiographyResult, closed: bool = False) -> RunResult:
    run = make_run()
    return sealed_result(
        run=run.run,
        model=run.model,
        settings=run.settings,
        tasks=run.tasks if closed else [],
        biographies=tasks,
    )


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("people", [PEOPLE, HOSTILE_PEOPLE], ids=["sound", "hostile"])
def test_what_is_written_is_read_and_verified(
    tmp_path: Path, people: BiographyResult, *, closed: bool
) -> None:
    written = run_of(people, closed=closed)
    loaded = load_results(write_results(tmp_path, written))
    assert loaded == written
    assert verify_result(loaded) == []


def test_files_without_biographies_are_as_they_were() -> None:
    content = content_of(make_run())
    assert "biographies" not in content
    assert "biographies" in content_of(run_of(PEOPLE))


def test_a_file_without_any_task_is_refused(tmp_path: Path) -> None:
    content = content_of(run_of(PEOPLE))
    content["biographies"] = []
    path = tmp_path / "results.json"
    path.write_text(json.dumps(seal(content)), encoding="utf-8")
    with pytest.raises(ResultError, match=r"tasks: the file holds none"):
        load_results(path)


def _prompt(content: Any) -> Any:
    return content["biographies"][0]["prompts"][0]


def _raise_value(content: Any) -> None:
    _prompt(content)["metrics"]["place.distinct_100"]["value"] += 1


def _raise_interval(content: Any) -> None:
    _prompt(content)["metrics"]["well_formed"]["interval"]["lo"] = 0.5


def _raise_mean(content: Any) -> None:
    content["biographies"][0]["metrics"]["gender.entropy"]["value"] = 2.0


def _other_values(content: Any) -> None:
    _prompt(content)["fields"]["gender"]["values"][0] = "Other"


def _other_text(content: Any) -> None:
    _prompt(content)["text"] += "!"


def _other_count(content: Any) -> None:
    counts = _prompt(content)["counts"]
    counts[0] += 1


def _other_malformed(content: Any) -> None:
    _prompt(content)["malformed"]["empty"] = 3


def _other_reference(content: Any) -> None:
    target = content["biographies"][0]["references"]["birth_month"]["target"]
    target["probabilities"][:2] = target["probabilities"][1::-1]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (_raise_value, "place.distinct_100 is"),
        (_raise_interval, "well_formed has an interval"),
        (_raise_mean, "gender.entropy is 2.0"),
        (_other_values, "the values of gender"),
        (_other_text, "does not match its sha256"),
        (_other_count, "there are 121 replies, not 120"),
        (_other_malformed, "malformed kinds"),
        (_other_reference, "reference of birth_month"),
    ],
)
def test_each_wrong_number_is_named(
    tmp_path: Path, edit: Callable[[Any], None], sentence: str
) -> None:
    content = content_of(run_of(PEOPLE))
    edit(content)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(seal(content)), encoding="utf-8")
    problems = verify_result(load_results(path))
    assert any(sentence in problem for problem in problems), problems


def command(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_nothing_hostile_reaches_a_terminal_or_a_table(tmp_path: Path) -> None:
    from rich.console import Console

    from diffbench.cli.biographies import print_biographies

    run = run_of(HOSTILE_PEOPLE)
    write_results(tmp_path, run)
    console = Console(record=True, width=100, file=None, force_terminal=False)
    with console.capture() as captured:
        print_biographies(console, [run])
    printed = captured.get()
    printed += command("verify", tmp_path)
    printed += command("compare", tmp_path, tmp_path)
    printed += command("export", "--format", "csv", tmp_path)
    assert not set(printed) & {"\x1b", "\x00", "\u202e"}
    assert "malformed: " in printed


def test_biographies_alone_go_where_they_can_and_nowhere_else(tmp_path: Path) -> None:
    write_results(tmp_path, run_of(PEOPLE))
    assert "no verdict" in command("compare", tmp_path, tmp_path)
    assert "well_formed" in command("export", "--format", "csv", tmp_path)
    for refused in (
        ["export", "--format", "model-index", tmp_path],
        ["baseline", "update", tmp_path, "--baseline", tmp_path / "b", "--reason", "x"],
    ):
        result = CliRunner().invoke(main, [str(word) for word in refused])
        assert "biographies only" in str(result.exception) + result.output
