"""What may stand side by side, and what a file's own words cannot change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html

from diffbench.results import RunResult, TaskResult, sealed_result, write_results
from diffbench.site import build_site, read_inputs
from diffbench.site.biographies import make_panels
from diffbench.site.board import Board, make_boards
from diffbench.site.inputs import Inputs, Submission
from diffbench.site.pages.generalisation import generalisation_page
from diffbench.site.pages.overview import BlockView, make_overview
from diffbench.site.runs import Run, make_runs
from diffbench.site.scope import make_scopes
from diffbench.tuning.record import write_record
from tests.harness.made_up import person, render
from tests.results.factory import content_of, make_run_of, sampled_task, seal
from tests.results.test_biographies import biographies
from tests.site.many import (
    CORE,
    alter,
    base_run,
    put,
    record_of,
    task_name,
    tasks_of,
    tuned_run,
)
from tests.site.test_biographies import with_people


def _runs(*results: RunResult) -> list[Run]:
    submissions = [
        Submission(path=Path(f"{i}.json"), sha256=f"{i:064x}", packed=False, result=one)
        for i, one in enumerate(results)
    ]
    return make_runs(
        Inputs(submissions=submissions, records={}, studies=[], refused=[], duplicates=[])
    )


def _boards(*results: RunResult) -> list[Board]:
    return make_boards(_runs(*results))


def _blocks(board: Board) -> list[BlockView]:
    return list(make_overview(board, make_scopes(board)[0]).blocks)


def _with(run: RunResult, change: Callable[[Any], None]) -> RunResult:
    content = content_of(run)
    change(content)
    return RunResult.model_validate(seal(content))


def _sampled(run: RunResult, share: float = 0.5) -> RunResult:
    """The same model, measured from replies to a coin."""
    tasks = [
        sampled_task(
            *(["{heads}"] * round(200 * share) + ["{tails}"] * round(200 * (1 - share)),)
            * 6,
            name=f"diffbench_coin{suffix}_sampled",
            split=split,
        )
        for split, suffix in (("train", ""), ("held_out", "_heldout"))
    ]
    content = content_of(make_run_of(*tasks))
    content["model"] = content_of(run)["model"]
    return RunResult.model_validate(seal(content))


def _unproven(content: Any) -> None:
    content["run"]["independence"] = {"verdict": "unproven", "seeds": "none_sent"}


def _as_list(content: Any) -> None:
    content["settings"] |= {"protocol": "list", "draws_per_reply": 5}


BASE, TUNED = base_run("acme/chat"), tuned_run("acme/chat", "all")


def test_a_model_that_thinks_has_a_table_of_its_own() -> None:
    thinks = _with(TUNED, lambda content: content["settings"].update(thinking="unknown"))
    one, other = _boards(BASE, thinks)
    rows = [row for board in (one, other) for block in _blocks(board) for row in block.rows]
    assert [row.before for row in rows] == [None, None]
    assert not any(row.interval for row in rows)


@pytest.mark.parametrize("change", [_unproven, _as_list], ids=["unproven", "list"])
def test_replies_that_are_no_independent_draws_have_no_rank_and_no_change(
    change: Callable[[Any], None],
) -> None:
    runs = [_with(_sampled(BASE, 0.9), change), _with(_sampled(TUNED), change)]
    runs.append(_with(_sampled(base_run("acme/other"), 0.7), change))
    (board,) = _boards(*runs)
    assert not board.independent
    rows = [row for block in _blocks(board) for row in block.rows]
    assert len(rows) == 3
    for row in rows:
        assert row.value.sort is not None
        assert row.rank.sort is None
        assert row.before is None and row.change.sort is None and not row.interval
    words = [row.word.verdict for row in rows if row.word is not None]
    assert words == ["not_comparable"]


def test_known_draws_do_not_stand_among_unknown_ones() -> None:
    known = _sampled(base_run("acme/other"))
    boards = _boards(known, _with(_sampled(BASE), _unproven))
    assert sorted(board.independent for board in boards) == [False, True]


def test_somebodys_own_numbers_are_not_the_core() -> None:
    runs = [base_run(f"acme/{i}", seed=i) for i in range(5)]
    own = [
        task.model_copy(update={"name": f"mine_{i}_{task.name}", "family": "numbers"})
        for i in range(7)
        for task in tasks_of(2.0, seed=10 + i)
    ]
    mixed = alter(make_run_of(*tasks_of(0.1, 9), *own), id="a/own", spec="hf:a/own")
    (board,) = _boards(*runs, mixed)
    assert {len(one) for one in board.references.values()} == {6, 42}
    view = make_overview(board, make_scopes(board)[0])
    assert make_scopes(board)[0].suite == "core"
    assert sum(len(block.rows) for block in view.blocks) == 6


def test_files_that_disagree_on_a_family_make_one_site(tmp_path: Path) -> None:
    families = (*CORE, ("mine", 6))

    def in_fruits(task: TaskResult) -> TaskResult:
        mine = task.name.startswith("diffbench_mine")
        return task.model_copy(update={"family": "fruits"}) if mine else task

    one = base_run("a/one", 0.3, 1, families=families)
    moved = alter(make_run_of(*map(in_fruits, one.tasks)), id="a/two", spec="hf:a/two")
    put(tmp_path / "in", [one, moved])
    site = build_site([tmp_path / "in"], tmp_path / "site", jobs=1).output
    assert (site / "scope" / "fruits.all.html").exists()
    assert len(list((site / "scope").glob("*.all.html"))) == 3 + 1 + 1


@pytest.mark.parametrize("twice", ["same", "sampled"])
def test_a_file_with_a_task_twice_is_refused(tmp_path: Path, twice: str) -> None:
    tasks = tasks_of(0.1)
    if twice == "same":
        tasks += tasks_of(4.0, seed=3)[:1]
    else:
        tasks.append(sampled_task(["{heads}"], name=f"{tasks[0].name}_sampled"))
    put(tmp_path, [make_run_of(*tasks)])
    (refused,) = read_inputs([tmp_path]).refused
    assert f"{tasks[0].name} is in it 2 times" in refused.reason


def test_what_was_trained_is_known_of_sampled_results_too(tmp_path: Path) -> None:
    def measured(run: RunResult, share: float) -> RunResult:
        replies = (
            ["{heads}"] * round(100 * share) + ["{tails}"] * round(100 - 100 * share),
        )
        tasks = [
            sampled_task(*replies * 2, name=f"{task_name(family)}_sampled", family=family)
            for family in ("fruits", "names", "numbers")
        ]
        content = content_of(make_run_of(*tasks))
        content["model"] = content_of(run)["model"]
        return RunResult.model_validate(seal(content))

    tuned = tuned_run("acme/chat", "leave-one-out/names")
    write_results(tmp_path / "base", measured(BASE, 0.9))
    write_results(tmp_path / "tuned", measured(tuned, 0.5))
    assert tuned.model.adapter is not None
    trained = [task_name(family) for family in ("fruits", "numbers")]
    record = record_of(
        tuned.model.adapter.sha256, recipe="leave-one-out/names", tasks=trained
    )
    write_record(tmp_path / "tuned", record)
    inputs = read_inputs([tmp_path])
    page = generalisation_page(make_boards(make_runs(inputs)), inputs.studies)
    (matrix,) = page.context["matrices"]
    assert [cell.trained for cell in matrix.rows[0].cells] == [True, False, True]
    titles = {mean.title: [value is None for value in mean.values] for mean in matrix.means}
    assert titles == {
        "mean, left out": [True, False, True],
        "mean, trained": [False, True, False],
    }


def nurse(name: str) -> Callable[[np.random.Generator], str]:
    def reply(rng: np.random.Generator) -> str:
        return render([name, "Female", "May 1, 1990", "Paris, France", "Nurse", "Won"])

    return reply


def test_a_tuned_models_people_stand_beside_its_own_base() -> None:
    few, many = biographies(nurse("Ann Lee")), biographies(person)
    bases = [
        with_people(alter(base_run("acme/x", seed=i), revision=name * 40), people)
        for i, (name, people) in enumerate((("a", few), ("b", many)))
    ]
    for name, ratio in (("a", True), ("b", False)):
        tuned = alter(tuned_run("acme/x", "all"), revision=name * 40)
        tuned = with_people(tuned, biographies(person))
        panels = make_panels(_runs(*bases, tuned))
        (panel,) = (one for one in panels if len(one.columns) == 2)
        assert panel.columns[0].run.result.model.revision == name * 40
        shown = panel.rows[0].values[1].ratio
        assert (shown != "×1.00") is ratio


def test_one_value_in_two_spellings_is_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def reply(_: np.random.Generator) -> str:
        job = ("Nurse", "nurse", "Baker")[rng.choice(3, p=(0.35, 0.35, 0.3))]
        return render(["Ann Lee", "Female", "May 1, 1990", "Paris, France", job, "Won"])

    (run,) = _runs(with_people(BASE, biographies(reply)))
    (panel,) = make_panels([run])
    common = {field: listed for field, listed, _ in panel.columns[0].common}
    assert len(common["profession"]) == 2
    assert common["profession"][0][0].casefold() == "nurse"


def test_files_of_people_alone_have_links_that_lead_somewhere(tmp_path: Path) -> None:
    write_results(tmp_path / "in" / "closed", BASE)
    closed = with_people(base_run("acme/people"), biographies(person))
    alone = sealed_result(
        run=closed.run,
        model=closed.model,
        settings=closed.settings,
        tasks=[],
        biographies=closed.biographies,
    )
    write_results(tmp_path / "in" / "people", alone, packed=True)
    site = build_site([tmp_path / "in"], tmp_path / "site", jobs=1).output
    for page in ("biographies.html", "downloads.html"):
        tree = html.fromstring((site / page).read_text(encoding="utf-8"))
        for href in tree.xpath("//main//a/@href"):
            path = href.partition("#")[0].partition("?")[0]
            if path and not path.startswith("https:"):
                assert (site / path).exists(), (page, href)
