from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import diffbench
from diffbench.assets import asset_dir
from diffbench.cli.main import main
from diffbench.suite import shipped_catalog
from tests.suite.files import TASK, write, write_prompt

TASKS = shipped_catalog().tasks
GROUPS = shipped_catalog().groups


def diffbench_cli(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def sound(*args: str | Path) -> str:
    result = diffbench_cli(*args)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refusal(*args: str | Path) -> str:
    """Return the error, which must be one sentence behind exit code 2."""
    result = diffbench_cli(*args)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    return error


def show(*args: str | Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(sound("tasks", "show", *args, "--json"))
    return content


class TestList:
    def test_names_are_whole(self) -> None:
        first_words = {
            line.partition(" ")[0] for line in sound("tasks", "list").splitlines()
        }
        trained = {
            t.name for t in TASKS.values() if (t.mode, t.split) == ("exact", "train")
        }
        trained |= {"diffbench_biographies"}
        exact_groups = {name for name in GROUPS if not name.endswith("_sampled")}
        assert {
            w for w in first_words if w.startswith("diffbench_")
        } == trained | exact_groups

    def test_all(self) -> None:
        everything = sound("tasks", "list", "--all").split()
        assert set(TASKS) <= set(everything)

    def test_json(self) -> None:
        content = json.loads(sound("tasks", "list", "--json"))
        assert content["groups"] == {name: list(g.tasks) for name, g in GROUPS.items()}
        assert {task["name"] for task in content["tasks"]} == set(TASKS)
        us = next(t for t in content["tasks"] if t["name"] == "diffbench_names_us_heldout")
        target = TASKS["diffbench_names_us"].target
        assert us == {
            "name": "diffbench_names_us_heldout",
            "title": "First name, US",
            "family": "names",
            "mode": "exact",
            "split": "held_out",
            "reference": "natural",
            "outcomes": 200,
            "prompts": 2,
            "entropy_nats": target.entropy_nats,
            "listed_mass": target.listed_mass,
        }


class TestShow:
    @pytest.mark.parametrize("name", ["diffbench_dates_june", "diffbench_names_us_sampled"])
    def test_json_holds_every_prompt_and_outcome(self, name: str) -> None:
        content, task = show(name), TASKS[name]
        assert (content["name"], content["mode"]) == (name, task.mode)
        assert content["target_sha256"] == task.target.sha256
        assert [(p["id"], p["split"], p["text"]) for p in content["prompts"]] == [
            (prompt.id, prompt.split, prompt.text) for prompt in task.prompts
        ]
        outcomes = content["outcomes"]
        assert [outcome["outcome"] for outcome in outcomes] == list(task.target.outcomes)
        assert math.fsum(outcome["probability"] for outcome in outcomes) == pytest.approx(1)
        for outcome in outcomes:
            assert outcome["answer"] == "{" + outcome["outcome"] + "}"
            assert outcome["accepted"][0] == outcome["answer"]

    def test_json_values_and_source(self) -> None:
        number = show("diffbench_numbers_1_10")
        assert number["outcomes"][6] == {
            "outcome": "7",
            "probability": 0.1,
            "value": 7.0,
            "answer": "{7}",
            "accepted": ["{7}", "{ 7 }"],
        }
        assert number["source"] is None
        country = show("diffbench_countries_asia")
        assert country["outcomes"][0]["value"] is None
        keys = {"source", "licence", "url", "rule", "attribution"}
        assert set(country["source"]) == keys

    def test_text(self) -> None:
        text = sound("tasks", "show", "diffbench_names_us")
        assert "200 outcomes, natural target, entropy 5.062 nats, measured exact" in text
        assert f"hold {TASKS['diffbench_names_us'].target.listed_mass:.1%} of the" in text
        assert "Licence: public domain" in text
        assert "Choose a person living in the United States uniformly at random and" in text
        assert "hat · held_out  (not in this task)" in text
        assert "{Michael}  {michael}  { Michael }" in text
        assert "… 188 more; --json shows all" in text

    @pytest.mark.parametrize(
        ("name", "credit"),
        [
            ("people_birthday", "Daily US births 2000–2014 compiled by FiveThirtyEight"),
            ("places_country", "The World Bank, World Development Indicators"),
            ("countries_africa", "The World Bank, World Development Indicators"),
            ("places_city", "Copyright © 2018 by United Nations, Department of"),
            ("quantities_english_letter", "Google Books Ngram Viewer data"),
        ],
    )
    def test_credit_that_a_licence_asks_for(self, name: str, credit: str) -> None:
        text = " ".join(sound("tasks", "show", f"diffbench_{name}").split())
        assert f"Credit: {credit}" in text
        assert "licensed under CC BY" in text or "available under CC BY 3.0 IGO" in text
        assert show(f"diffbench_{name}")["source"]["attribution"].startswith(credit)

    def test_no_credit_where_none_is_asked_for(self) -> None:
        assert "Credit:" not in sound("tasks", "show", "diffbench_people_age")
        assert "human target" in sound(
            "tasks", "show", "diffbench_quantities_favourite_number"
        )

    def test_group_of_several_tasks(self) -> None:
        error = refusal("tasks", "show", "diffbench_dates")
        assert "diffbench_dates is a group; show one of its tasks: " in error
        assert error.endswith("_weekday, diffbench_dates_june, diffbench_dates_december")

    def test_task_file(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "x.yaml", TASK.replace("title: Coin", 'title: "[red]\\e[1m"')
        )
        content = show(path)
        assert (content["name"], content["file"]) == ("coin", "x.yaml")
        # Hostile text is neither rich's markup nor a terminal's.
        assert "coin  [red]\\x1b[1m" in sound("tasks", "show", path)

    def test_paper_prompt(self, tmp_path: Path) -> None:
        path = write_prompt(tmp_path / "rng" / "toss.json", response="So: ", weights=[1, 3])
        content = show(path)
        assert content["name"] == "prompt_rng_toss"
        (prompt,) = content["prompts"]
        assert (prompt["text"], prompt["prefix"]) == ("Toss a coin.", "So: ")
        assert [outcome["probability"] for outcome in content["outcomes"]] == [0.25, 0.75]


def test_path_is_the_task_folder() -> None:
    assert sound("tasks", "path") == f"{asset_dir('tasks')}\n"
    assert json.loads(sound("tasks", "path", "--json")) == {"path": str(asset_dir("tasks"))}


class TestValidate:
    def test_sound_folders_and_files(self, tmp_path: Path) -> None:
        path = write(tmp_path / "coin.yaml")
        assert (
            sound("tasks", "validate")
            == f"{asset_dir('tasks')}: every task file is sound.\n"
        )
        for where in (tmp_path, path):
            assert (
                sound("tasks", "validate", where) == f"{where}: every task file is sound.\n"
            )
        assert json.loads(sound("tasks", "validate", tmp_path, "--json")) == {
            "path": str(tmp_path),
            "sound": True,
            "problems": [],
        }

    def test_every_broken_file_is_named(self, tmp_path: Path) -> None:
        good, *broken = (write(tmp_path / f"{name}.yaml") for name in "abc")
        for path in broken:
            write(path, TASK.replace("family", "famly"))
        result = diffbench_cli("tasks", "validate", tmp_path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines() == [
            f"Error: {path}: distribution.family: Field required" for path in broken
        ]
        as_json = diffbench_cli("tasks", "validate", tmp_path, "--json")
        content = json.loads(as_json.stdout)
        assert (as_json.exit_code, content["sound"], len(content["problems"])) == (
            2,
            False,
            2,
        )
        assert str(good) not in as_json.stdout

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert "there is no such file or folder" in refusal(
            "tasks", "validate", tmp_path / "x"
        )
        assert "no task file (.yaml)" in refusal("tasks", "validate", tmp_path)

    def test_a_broken_file_alone(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.yaml", "- 1\n")
        assert "x.yaml: a task file is a mapping" in refusal("tasks", "validate", path)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["taks"], "No such command 'taks'"),
        (["tasks", "lst"], "No such command 'lst'"),
        (["tasks", "show"], "Missing argument 'NAME'"),
        (["tasks", "list", "--jsn"], "No such option"),
        (
            ["tasks", "show", "diffbench_names_uss"],
            "no task, group, file or folder 'diffbench_names_uss'. Did you mean ",
        ),
        (["tasks", "show", "none.yaml"], "none.yaml: there is no such file"),
        (["run", "--model", "demos"], "--model 'demos' is not a model"),
        # Names are separated by commas.
        (
            ["run", "--model", "demo", "--tasks", "diffbench_dates, diffbench_coins"],
            "no task, group, file or folder 'diffbench_coins'",
        ),
    ],
)
def test_mistake_ends_in_one_sentence_and_exit_code_2(
    args: list[str], message: str
) -> None:
    assert message in refusal(*args)


@pytest.mark.parametrize(
    "args", [["--help"], ["tasks", "list"], ["tasks", "validate"], ["models", "list"]]
)
def test_light_commands_import_no_heavy_library(args: list[str], tmp_path: Path) -> None:
    root = Path(diffbench.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "diffbench", *args],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {
        "torch",
        "transformers",
        "lm_eval",
        "datasets",
        "pandas",
        "plotly",
    }


class TestBiographies:
    def test_list_and_show_agree(self) -> None:
        listed = {
            one["name"]: one
            for one in json.loads(sound("tasks", "list", "--json"))["biographies"]
        }
        assert set(listed) == {"diffbench_biographies", "diffbench_biographies_heldout"}
        shown = show("diffbench_biographies")
        assert shown == listed["diffbench_biographies"]
        assert len(shown["sketches"]) == 252
        assert set(shown["references"]) == {"first_name", "birth_month", "country"}

    def test_people_read_the_prompts_line_by_line(self) -> None:
        text = sound("tasks", "show", "diffbench_biographies_heldout")
        assert "novel · held_out\n" in text
        assert "sketch · train  (not in this task)" in text
        assert "    {City and country of birth}\n" in text
        assert "Trained on 252 beginnings of a reply" in text
