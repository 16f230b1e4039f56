from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from diffbench.cli.main import main
from diffbench.metrics import METRICS, SAMPLED_METRICS
from diffbench.results import write_results
from tests.results.factory import (
    Content,
    content_of,
    exact_task,
    make_run,
    make_run_of,
    seal,
)

RUN = make_run()


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def forged(folder: Path, edit: Callable[[Content], Any]) -> Path:
    """Write an altered file whose hash fits it."""
    content = content_of(RUN)
    edit(content)
    path = folder / "results.json"
    path.write_text(json.dumps(seal(content)), encoding="utf-8")
    return path


def test_a_sound_file_or_its_folder_exits_0(tmp_path: Path) -> None:
    path = write_results(tmp_path, RUN)
    n_values = 4 * len(METRICS) + len(SAMPLED_METRICS)
    for given in (path, tmp_path):
        result = verify(given)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == (
            f"{given}: all numbers follow from the file ({n_values} values of 3 tasks, "
            "their means, and the content hash).\n"
        )


def test_a_forged_value_exits_2_and_is_named(tmp_path: Path) -> None:
    def edit(content: Content) -> None:
        content["overall"]["metrics"]["overlap"]["value"] = 0.999
        content["families"][0]["metrics"].pop("js")

    result = verify(forged(tmp_path, edit))
    assert (result.exit_code, result.stdout) == (2, "")
    first, second = result.stderr.splitlines()
    assert first == "Error: family coins: js is missing"
    assert second.startswith("Error: overall: overlap is 0.999 in the file but 0.")


def test_json_says_the_same_to_a_machine(tmp_path: Path) -> None:
    path = write_results(tmp_path, RUN)
    sound = verify(path, "--json")
    assert (sound.exit_code, sound.stderr) == (0, "")
    expected = {"path": str(path), "verified": True, "problems": []}
    assert json.loads(sound.stdout) == expected

    path = forged(tmp_path, lambda c: c["overall"]["metrics"].pop("kl"))
    wrong = verify(path, "--json")
    assert (wrong.exit_code, wrong.stderr) == (2, "")
    problems = ["overall: kl is missing"]
    assert json.loads(wrong.stdout) == {**expected, "verified": False, "problems": problems}


@pytest.mark.parametrize("extra", [[], ["--json"]])
@pytest.mark.parametrize("broken", ["missing", "edited", "cut", "no results"])
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, broken: str, extra: list[str]
) -> None:
    path = write_results(tmp_path, RUN)
    text = path.read_text(encoding="utf-8")
    if broken == "missing":
        path = tmp_path / "none.json"
    elif broken == "edited":
        path.write_text(text.replace('"value": 0.75', '"value": 0.85', 1))
    elif broken == "cut":
        path.write_text(text[:999])
    else:
        path.unlink()
        path = tmp_path
    result = verify(path, *extra)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {path}")
    assert "Traceback" not in line


def test_hostile_names_are_printed_harmlessly(tmp_path: Path) -> None:
    def edit(content: Content) -> None:
        content["tasks"][0]["name"] = "\x1b[31mred\r\nError: none" + "x" * 1000

    result = verify(forged(tmp_path, edit))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line == "Error: families: not those of the tasks"

    def edit_both(content: Content) -> None:
        edit(content)
        content["tasks"][0]["metrics"]["js"]["value"] = 0.0

    first, _ = verify(forged(tmp_path, edit_both)).stderr.splitlines()
    assert first.startswith(r"Error: task \x1b[31mred\r\nError: nonexxx")
    assert len(first) <= 410


def test_a_finished_run_with_a_null_is_sound(tmp_path: Path) -> None:
    run = make_run_of(exact_task((0.0, 1.0), (0.0, 0.0)))
    assert run.overall.metrics["kl"].value is None
    assert verify(write_results(tmp_path, run)).exit_code == 0


def test_a_result_must_be_named() -> None:
    result = verify()
    assert result.exit_code == 2
    assert "Missing argument 'RESULT'" in result.stderr
