"""Biographies from a known law, through lm-evaluation-harness and all that follows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffbench.answers import VALUE_FIELDS, read_sketch
from diffbench.api import prepare
from diffbench.errors import TaskError
from diffbench.harness.biography import BiographyTask, make_biography_task
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_biography import run_biography
from diffbench.harness.one_task import TaskOutcome
from diffbench.models.load import LoadedModel
from diffbench.options import RunOptions
from diffbench.results import BIOGRAPHY_METRICS, BiographyResult
from diffbench.suite import shipped_catalog
from tests.harness.made_up import FIRST_NAMES, PersonLM, person, render

TASK = shipped_catalog().biographies["diffbench_biographies"]


def measured(
    lm: Any, **options: Any
) -> tuple[BiographyResult, TaskOutcome[BiographyResult]]:
    outcome = run_biography(lm, TASK, RunOptions(model="demo", **options))
    return outcome.result, outcome


def test_people_of_a_known_law_show_what_it_says() -> None:
    result, outcome = measured(PersonLM())
    for prompt in result.prompts:
        values = {name: entry.value for name, entry in prompt.metrics.items()}
        assert sum(prompt.counts) == result.samples == 200
        assert values["well_formed"] == 1
        assert prompt.malformed == {}
        for field, size in (
            ("first_name", len(FIRST_NAMES)),
            ("gender", 3),
            ("birth_year", 10),
            ("birth_month", 3),
            ("place", 4),
            ("country", 4),
            ("profession", 2),
        ):
            assert values[f"{field}.distinct"] == size
            assert values[f"{field}.distinct_100"] == pytest.approx(size, abs=1e-3)
            # Of 200 draws the entropy's standard error is below 0.04 here.
            assert values[f"{field}.entropy"] == pytest.approx(math.log(size), abs=0.12)
            assert values[f"{field}.readable"] == 1
        # Three months alike against twelve nearly alike.
        assert values["birth_month.overlap"] == pytest.approx(0.25, abs=0.03)
    assert sum(row["count"] for row in outcome.samples) == 400


def test_malformed_people_count_as_none() -> None:
    def half(rng: np.random.Generator) -> str:
        return person(rng) if rng.random() < 0.5 else f"Sure! {person(rng)}"

    result, _ = measured(PersonLM(half), samples=400)
    for prompt in result.prompts:
        assert set(prompt.malformed) == {"talk_first"}
        formed = prompt.metrics["well_formed"]
        assert formed.value == 1 - prompt.malformed["talk_first"] / 400
        assert formed.value == pytest.approx(0.5, abs=0.1)
        assert prompt.metrics["gender.readable"].value == formed.value
        assert prompt.metrics["gender.entropy"].value == pytest.approx(math.log(3), abs=0.1)


def test_one_person_only_is_one_of_everything() -> None:
    only = render(["James Stone", "Male", "May 1, 1990", "Oslo, Norway", "Poet", "Wrote"])
    result, _ = measured(PersonLM(lambda rng: only))
    for prompt in result.prompts:
        for field in VALUE_FIELDS:
            assert prompt.metrics[f"{field}.distinct_100"].value == pytest.approx(1)
            assert prompt.metrics[f"{field}.entropy"].value == 0
            assert prompt.metrics[f"{field}.top_share"].value == 1
        assert prompt.equal_neighbours == 199


def test_a_part_of_a_country_counts_as_the_country() -> None:
    places = {
        "Leeds, England": "United Kingdom",
        "Portland, Oregon": "United States",
        "Washington, D.C.": "United States",
        "Austin, TX": "United States",
        "Chicago, IL, U.S.": "United States",
        "Toronto, ON": "Canada",
        "London, U.K.": "United Kingdom",
        "Halifax, Nova Scotia": "Canada",
        "Hobart, Tasmania": "Australia",
        "Tbilisi, Georgia": "Georgia",
    }

    def of_a_part(rng: np.random.Generator) -> str:
        place = str(rng.choice(list(places)))
        return render(["James Stone", "Male", "May 1, 1990", place, "Poet", "Wrote"])

    result, _ = measured(PersonLM(of_a_part))
    for prompt in result.prompts:
        assert set(prompt.fields["country"].values) == set(places.values())
        assert set(prompt.fields["place"].values) == set(places)


def test_what_the_references_do_not_list_earns_nothing() -> None:
    def of_nowhere(rng: np.random.Generator) -> str:
        return render(
            ["Xq Y", "Male", "May 1, 1990", "Orgrimmar, Azeroth", "Poet", "Wrote"]
        )

    result, _ = measured(PersonLM(of_nowhere))
    for prompt in result.prompts:
        for field in ("first_name", "country"):
            assert prompt.metrics[f"{field}.listed"].value == 0
            assert prompt.metrics[f"{field}.overlap"].raw == 0


def test_the_harness_gets_every_metric() -> None:
    task = make_biography_task(TASK, samples=120)
    rng = np.random.default_rng(0)
    found = task.process_results({"id": "sketch"}, [[person(rng) for _ in range(120)]])
    assert set(found) == set(task.aggregation())
    assert set(BIOGRAPHY_METRICS) < set(found)
    assert task.higher_is_better() == {"well_formed": True}
    assert task.aggregation()["well_formed"]([1.0, 0.5]) == 0.75


def test_the_plain_harness_reads_the_task_file() -> None:
    from lm_eval.tasks import TaskManager

    from diffbench.assets import asset_dir

    folder = str(asset_dir("tasks") / "biographies")
    manager = TaskManager(include_path=folder, include_defaults=False)
    names = ["diffbench_biographies", "diffbench_biographies_heldout"]
    found = manager.load(names)["tasks"]
    assert all(isinstance(found[name], BiographyTask) for name in names)
    assert found[names[0]].config.repeats == 200


def test_no_exact_value_is_promised() -> None:
    options = RunOptions(model="demo", tasks=("diffbench_biographies",), estimator="expand")
    with pytest.raises(TaskError, match="replies are drawn"):
        prepare(options)


def test_the_engine_stops_at_the_sixth_brace(demo: LoadedModel) -> None:
    lm = EngineLM(demo)
    context = lm.apply_chat_template([{"role": "user", "content": "Tell me a number."}])
    settings = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_gen_toks": 24}
    for closings in (1, 2):
        for reply in lm.draw(context, 30, settings, closings=closings):
            assert reply.count("}") <= closings + 1
            assert "}" not in reply[:-2] or closings == 2


def test_replies_that_were_begun_count_with_their_beginning(tmp_path: Path) -> None:
    file = tmp_path / "begun.yaml"
    file.write_text(
        "task: begun\n"
        "class: !function diffbench.harness.biography.BiographyTask\n"
        "metadata: {version: 1.0}\n"
        "biography:\n"
        "  title: begun\n"
        "  prompts: {train: [{id: a, text: Who, prefix: '{Ines Stone}'}]}\n",
        encoding="utf-8",
    )
    (begun,) = shipped_catalog().select([str(file)]).biographies
    rest = render(["Male", "May 1, 1990", "Oslo, Norway", "Poet", "Wrote"])
    lm: Any = PersonLM(lambda rng: f"\n{rest}")
    outcome = run_biography(lm, begun, RunOptions(model="demo"))
    (prompt,) = outcome.result.prompts
    assert prompt.metrics["well_formed"].value == 1
    assert not isinstance(read_sketch(rest), type(read_sketch(prompt.replies[0])))
