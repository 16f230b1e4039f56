"""Which runs stand side by side, and which ranks they have."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffbench.results import RunResult
from diffbench.site.board import Board, make_boards
from diffbench.site.inputs import Inputs, Submission
from diffbench.site.pages.overview import make_overview
from diffbench.site.ranking import rank_runs
from diffbench.site.runs import make_runs
from diffbench.site.scope import make_scopes, scope_means
from tests.results.factory import content_of, seal
from tests.site.many import base_run, tuned_run


def _boards(*runs: RunResult) -> list[Board]:
    from pathlib import Path

    submissions = [
        Submission(path=Path(f"{i}.json"), sha256=f"{i:064x}", packed=False, result=run)
        for i, run in enumerate(runs)
    ]
    inputs = Inputs(
        submissions=submissions, records={}, studies=[], refused=[], duplicates=[]
    )
    return make_boards(make_runs(inputs))


def _with(run: RunResult, change: Any) -> RunResult:
    content = content_of(run)
    change(content)
    return RunResult.model_validate(seal(content))


def _labels(board: Board) -> list[str]:
    return [run.label for run in board.runs]


def test_other_settings_make_another_board() -> None:
    warm = _with(base_run("b/warm"), lambda c: c["settings"].update(temperature=0.7))
    boards = _boards(base_run("a/one"), base_run("a/two", seed=2), warm)
    assert [_labels(board) for board in boards] == [["a/one", "a/two"], ["b/warm"]]


def test_another_version_of_a_task_is_another_question() -> None:
    def newer(content: Any) -> None:
        content["tasks"][0]["version"] = "2.0"

    (board,) = _boards(
        base_run("a/one"),
        base_run("a/two", seed=2),
        _with(base_run("a/new", seed=3), newer),
    )
    view = make_overview(board, make_scopes(board)[0])
    assert [one.run.label for one in view.incomplete] == ["a/new"]
    assert "other version" in view.incomplete[0].lacks
    shown = [row.run.label for block in view.blocks for row in block.rows]
    assert sorted(shown) == ["a/one", "a/two"]


def test_a_tuned_run_stands_beneath_its_own_base_alone() -> None:
    def other_weights(content: Any) -> None:
        content["model"]["weights_fingerprint"] = "f" * 64

    base = _with(base_run("a/one"), other_weights)
    stranger = tuned_run("a/one", "x", weights_fingerprint="e" * 64)
    (board,) = _boards(base, stranger)
    assert [(block.base is None, len(block.tuned)) for block in board.blocks] == [
        (False, 0),
        (True, 1),
    ]


def test_the_change_and_its_word() -> None:
    (board,) = _boards(base_run("a/one", 0.05), tuned_run("a/one", "x", 5.0))
    view = make_overview(board, make_scopes(board)[0])
    base, tuned = view.blocks[0].rows
    assert tuned.word is not None and tuned.word.verdict == "improved"
    assert tuned.before == base.value.sort
    assert tuned.change.sort is not None and tuned.value.sort is not None
    assert base.value.sort is not None
    assert np.isclose(tuned.change.sort, tuned.value.sort - base.value.sort)


def test_one_worse_task_makes_the_whole_worse_and_the_tally_says_so() -> None:
    good = tuned_run("a/one", "x", 5.0)
    base = base_run("a/one", 0.05)

    (board,) = _boards(base, good)
    verdicts = board.blocks[0].tuned[0].verdicts
    assert verdicts is not None
    words = {one.verdict for one in verdicts.tasks}
    assert words == {"improved"}
    mixed = content_of(good)
    mixed["tasks"][1:] = content_of(base)["tasks"][1:]
    first = content_of(base)
    first["tasks"][0] = content_of(tuned_run("a/one", "x", 20.0, seed=5))["tasks"][0]
    (board,) = _boards(
        RunResult.model_validate(seal(first)), RunResult.model_validate(seal(mixed))
    )
    row = make_overview(board, make_scopes(board)[0]).blocks[0].tuned[0]
    assert row.word is not None
    assert row.word.verdict == "worse"
    assert row.word.note == "1 worse, 5 equivalent"


def test_means_are_of_tasks_then_families() -> None:
    (board,) = _boards(base_run("a/one"))
    scope = make_scopes(board)[0]
    run = board.runs[0]
    mean = scope_means(scope, run, ("overlap", "kl"))
    for name in ("overlap", "kl"):
        stored = run.result.overall.metrics[name].value
        found = mean[name].value
        assert stored is not None
        assert found is not None
        assert np.isclose(found, stored, atol=1e-12)


def test_equal_models_share_a_rank() -> None:
    boards = _boards(
        base_run("a/one"),
        base_run("b/same"),
        base_run("c/better", 5.0),
        base_run("d/low", 0.01),
    )
    scope = make_scopes(boards[0])[0]
    ranking = rank_runs(scope, boards[0].runs)
    found = {run.label: ranking.rank(run) for run in boards[0].runs}
    one, same, better, low = (
        found[name] for name in ("a/one", "b/same", "c/better", "d/low")
    )
    assert one is not None and same is not None and better is not None and low is not None
    assert (one.rank, one.tied, one.lo) == (2, True, 2)
    assert one == same
    assert one.hi >= 3
    assert (better.rank, better.lo, better.hi) == (1, 1, 1)
    assert low.rank == 4


def test_ranks_agree_with_counting() -> None:
    runs = [base_run(f"m/{i}", 0.1 + 0.05 * i, seed=i) for i in range(8)]
    (board,) = _boards(*runs)
    scope = make_scopes(board)[0]
    ranking = rank_runs(scope, board.runs)
    values = {
        run.label: scope_means(scope, run, ("overlap",))["overlap"].value
        for run in board.runs
    }
    for run in board.runs:
        mine = values[run.label]
        assert mine is not None
        better = sum(v is not None and v > mine + 5e-4 for v in values.values())
        rank = ranking.rank(run)
        assert rank is not None
        assert rank.rank == 1 + better
        assert rank.lo <= rank.rank <= rank.hi <= len(runs)


def test_the_interval_is_that_of_other_tasks_and_wordings() -> None:
    """Against the standard error of a mean over independent prompts, by brute force."""
    from tests.results.factory import COIN, exact_task, make_run_of
    from tests.site.many import alter

    rng = np.random.default_rng(0)
    rows = [rng.dirichlet((0.5, 0.5), size=40) for _ in range(2)]
    base, tuned = (make_run_of(exact_task(*row.tolist(), target=COIN)) for row in rows)
    adapter = {"sha256": "a" * 64, "name": "x"}
    (board,) = _boards(
        alter(base, id="b"),
        alter(tuned, id="b+x", role="tuned", parent="b", adapter=adapter),
    )
    scope = make_scopes(board)[0]
    ranking = rank_runs(scope, board.runs)
    block = board.blocks[0]
    assert block.base is not None
    interval = ranking.change_interval(block.base, block.tuned[0].run)
    assert interval is not None
    overlap = [np.minimum(row, 0.5).sum(axis=1) for row in rows]
    change = overlap[1] - overlap[0]
    half = 1.96 * change.std() / np.sqrt(40)
    assert np.isclose(interval[0], change.mean() - half, atol=0.25 * half)
    assert np.isclose(interval[1], change.mean() + half, atol=0.25 * half)


def test_few_prompts_get_no_interval() -> None:
    from tests.results.factory import exact_task, make_run_of

    (board,) = _boards(make_run_of(exact_task((0.5, 0.5), (0.4, 0.6))))
    scope = make_scopes(board)[0]
    rank = rank_runs(scope, board.runs).rank(board.runs[0])
    assert rank is not None and (rank.lo, rank.hi) == (1, 1)


def test_an_incomplete_run_has_no_mean_in_the_table() -> None:
    short = base_run("a/short", seed=4)
    content = content_of(short)
    from diffbench.results import family_aggregates, overall_aggregate

    tasks = short.tasks[:2]
    families = family_aggregates(tasks)
    whole = short.model_copy(
        update={
            "tasks": tasks,
            "families": families,
            "overall": overall_aggregate(families),
        }
    )
    content = content_of(whole)
    (board,) = _boards(base_run("a/one"), RunResult.model_validate(seal(content)))
    scopes = make_scopes(board)
    view = make_overview(board, scopes[0])
    assert [(one.run.label, one.answered, one.asked) for one in view.incomplete] == [
        ("a/short", 2, 6)
    ]
    numbers = next(
        scope for scope in scopes if scope.family == "numbers" and scope.split == "all"
    )
    assert make_overview(board, numbers).incomplete == []
