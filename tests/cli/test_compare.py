"""`diffbench compare`, as a person and as a machine read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from diffbench.cli.main import main
from diffbench.results import RunResult, write_results
from tests.cli.test_tables import HOSTILE
from tests.gate.files import reply_task
from tests.results.factory import exact_task, make_run_of


def compare(folder: Path, before: RunResult, after: RunResult, *more: str) -> Result:
    write_results(folder / "a", before)
    write_results(folder / "b", after)
    words = ["compare", str(folder / "a"), str(folder / "b"), *more]
    found = CliRunner().invoke(main, words)
    assert found.exit_code == 0, found.output
    return found


BEFORE = make_run_of(exact_task((0.8, 0.1)), reply_task(60, 60))
AFTER = make_run_of(exact_task((0.5, 0.5)), reply_task(62, 58))


def test_a_row_a_task_and_what_would_settle_it(tmp_path: Path) -> None:
    lines = compare(tmp_path, BEFORE, AFTER).stdout.splitlines()
    (row,) = [line for line in lines if line.rstrip().endswith("improved")]
    assert row.split()[-5:] == ["0.600", "→", "1.000", "+0.400000", "improved"]
    assert any("replies a prompt would settle it" in line for line in lines)
    assert lines[-1] == "Overall unresolved: 1 improved, 1 unresolved."


def test_json_keeps_the_plain_changes_and_adds_the_verdicts(tmp_path: Path) -> None:
    content = json.loads(compare(tmp_path, BEFORE, AFTER, "--json").stdout)
    assert content["tasks"][0]["metrics"]["overlap"]["after"] == pytest.approx(1.0)
    assert content["verdicts"]["overall"] == "unresolved"
    exact, sampled = content["verdicts"]["tasks"]
    assert (exact["verdict"], exact["kind"]) == ("improved", "exact")
    assert sampled["interval"]["level"] == 0.95
    assert sampled["replies_needed"] > 120


def test_other_settings_are_named_task_by_task(tmp_path: Path) -> None:
    hot = AFTER.model_copy(
        update={"settings": AFTER.settings.model_copy(update={"temperature": 1.5})}
    )
    from tests.results.factory import content_of, seal

    sealed = RunResult.model_validate(seal(content_of(hot)))
    found = compare(tmp_path, BEFORE, sealed).stdout
    assert "not compared, other temperature (1.0 and 1.5)" in found
    assert found.rstrip().endswith("Overall not comparable: 2 not comparable.")


@pytest.mark.parametrize("text", list(HOSTILE.values()), ids=list(HOSTILE))
@pytest.mark.parametrize("form", ["", "--markdown"])
def test_hostile_names_do_nothing(tmp_path: Path, text: str, form: str) -> None:
    run = make_run_of(exact_task((0.5, 0.5), title=text, family=text))
    found = compare(tmp_path, run, run, *filter(None, [form])).stdout
    assert all(c.isprintable() or c == "\n" for c in found)
