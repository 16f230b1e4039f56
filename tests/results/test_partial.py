from __future__ import annotations

import json
from pathlib import Path

import pytest

from diffbench.errors import ResultError
from diffbench.results import Independence, TaskResult, write_results
from diffbench.results.partial import PartialRun, SampleRow
from tests.results.factory import exact_task, make_run, sampled_task

RUN = make_run()
TASK = sampled_task(["{heads}", "{tails}"])
ROWS: list[SampleRow] = [
    {"task": TASK.name, "prompt": "p0", "reply": "{heads}", "count": 1},
    {"task": TASK.name, "prompt": "p0", "reply": "{tails}", "count": 1},
]


def begun(output: Path, run_id: str = RUN.run.id) -> PartialRun:
    partial = PartialRun(output, run_id)
    assert partial.begin(resume=True) is None
    return partial


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_stored_tasks_survive_and_end_removes_the_pieces(tmp_path: Path) -> None:
    output = tmp_path / "new"
    first = PartialRun(output, "id")
    assert first.begin(resume=False) is None
    assert first.load(TASK.name) is None
    first.store(TASK, ROWS)

    again = begun(output, "id")
    assert again.load(TASK.name) == (TASK, ROWS)
    assert again.load("another") is None
    again.end()
    assert files_below(output) == []


def test_an_unfinished_run_needs_resume(tmp_path: Path) -> None:
    begun(tmp_path)
    with pytest.raises(ResultError, match=r"an unfinished run; .*--resume to go on"):
        PartialRun(tmp_path, RUN.run.id).begin(resume=False)


def test_a_finished_run_is_never_overwritten(tmp_path: Path) -> None:
    write_results(tmp_path, RUN)
    with pytest.raises(ResultError, match="a finished run; give another --output") as e:
        PartialRun(tmp_path, RUN.run.id).begin(resume=False)
    assert "--resume" not in str(e.value)


def test_resuming_a_finished_run_returns_it(tmp_path: Path) -> None:
    write_results(tmp_path, RUN)
    assert PartialRun(tmp_path, RUN.run.id).begin(resume=True) == RUN


def test_another_runs_folder_is_refused(tmp_path: Path) -> None:
    write_results(tmp_path / "finished", RUN)
    begun(tmp_path / "unfinished")
    for name in ("finished", "unfinished"):
        with pytest.raises(ResultError, match="a run of another model"):
            PartialRun(tmp_path / name, "ffff").begin(resume=True)


def test_a_broken_results_file_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(ResultError, match="not a whole JSON file"):
        PartialRun(tmp_path, RUN.run.id).begin(resume=True)


def test_pieces_of_another_run_are_never_taken(tmp_path: Path) -> None:
    begun(tmp_path, "one").store(TASK, ROWS)
    (tmp_path / "partial" / "run.json").unlink()
    assert begun(tmp_path, "two").load(TASK.name) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 200_000,
        b"9" * 5000,
        b'{"result": {}, "samples": []}',
    ],
    ids=["empty", "cut", "list", "bare", "bytes", "deep", "digits", "schema"],
)
def test_a_damaged_piece_is_named(tmp_path: Path, damage: bytes) -> None:
    partial = begun(tmp_path)
    partial.store(TASK, ROWS)
    (piece,) = [p for p in files_below(tmp_path) if p.name != "run.json"]
    piece.write_bytes(damage)
    with pytest.raises(ResultError, match="damaged; remove it") as caught:
        partial.load(TASK.name)
    assert str(piece) in str(caught.value)


@pytest.mark.parametrize("samples", ["abc", 3, None, {"reply": 1}, ["reply"], [None]])
def test_samples_that_are_no_rows_are_damage(tmp_path: Path, samples: object) -> None:
    partial = begun(tmp_path)
    partial.store(TASK, ROWS)
    (piece,) = [p for p in files_below(tmp_path) if p.name != "run.json"]
    piece.write_text(json.dumps({**json.loads(piece.read_text()), "samples": samples}))
    with pytest.raises(ResultError, match="damaged"):
        partial.load(TASK.name)


def test_a_piece_under_another_tasks_name_is_damage(tmp_path: Path) -> None:
    partial = begun(tmp_path)
    partial.store(TASK, ROWS)
    (piece,) = [p for p in files_below(tmp_path) if p.name != "run.json"]
    other = exact_task((0.5, 0.5), name="other")
    content = {**json.loads(piece.read_text()), "result": other.model_dump(mode="json")}
    piece.write_text(json.dumps(content))
    with pytest.raises(ResultError, match="damaged"):
        partial.load(TASK.name)


@pytest.mark.parametrize("damage", [b"", b"[]", b"\xff", b"[" * 200_000])
def test_a_damaged_manifest_is_named(tmp_path: Path, damage: bytes) -> None:
    begun(tmp_path)
    manifest = tmp_path / "partial" / "run.json"
    manifest.write_bytes(damage)
    with pytest.raises(ResultError, match=r"run\.json: damaged"):
        PartialRun(tmp_path, RUN.run.id).begin(resume=True)


def test_an_unreadable_piece_is_a_result_error(tmp_path: Path) -> None:
    partial = begun(tmp_path)
    partial.store(TASK, ROWS)
    (piece,) = [p for p in files_below(tmp_path) if p.name != "run.json"]
    piece.unlink()
    piece.mkdir()
    with pytest.raises(ResultError, match="damaged"):
        partial.load(TASK.name)


@pytest.mark.parametrize("name", ["x" * 300, "file/below"])
def test_a_folder_that_cannot_be_is_a_result_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"cannot be (read|written)"):
        PartialRun(tmp_path / name, "id").begin(resume=False)


HOSTILE_NAMES = [
    "../x",
    "../../x",
    "a/b",
    "/absolute",
    "..",
    ".",
    "run",
    "",
    "nul\0",
    "n" * 400,
    "ü" * 200,
    "CON",
]


def test_task_names_cannot_leave_the_folder_or_meet(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "run"
    partial = begun(output)
    names = [*HOSTILE_NAMES, "name", "NAME"]
    tasks = [renamed(name) for name in names]
    for task in tasks:
        partial.store(task, [])
    pieces = files_below(tmp_path)
    assert len({str(piece).casefold() for piece in pieces}) == len(names) + 1
    assert {piece.parent for piece in pieces} == {output / "partial"}
    assert [partial.load(name) for name in names] == [(task, []) for task in tasks]
    # The manifest is still the run's own.
    begun(output)


def renamed(name: str) -> TaskResult:
    return TASK.model_copy(update={"name": name})


def test_replies_of_different_runs_tasks_and_prompts_are_apart(tmp_path: Path) -> None:
    partial = begun(tmp_path, "id")
    with partial.journal("task", "prompt") as journal:
        journal.add(0, "{heads}")
    assert partial.journal("task", "prompt").replies() == {0: "{heads}"}
    for run_id, task, prompt in (
        ("id", "task", "other"),
        ("id", "other", "prompt"),
        ("other", "task", "prompt"),
    ):
        other = PartialRun(tmp_path, run_id)
        assert other.journal(task, prompt).replies() == {}


def test_what_tests_of_a_server_found_is_kept(tmp_path: Path) -> None:
    partial = begun(tmp_path)
    assert partial.probes() == []
    found = [
        Independence(verdict="shown", seeds="one_a_call", probe_calls=12),
        Independence(verdict="unproven", seeds="none_sent", probe_copies=3),
    ]
    for one in found:
        partial.store_probe(one)
    assert begun(tmp_path).probes() == found
    (tmp_path / "partial" / "probes.json").write_text('{"probes": [{}]}')
    with pytest.raises(ResultError, match="damaged"):
        partial.probes()


def test_a_run_that_kept_nothing_leaves_nothing(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.mkdir()
    for output in (new, old):
        begun(output).give_back()
    assert list(tmp_path.iterdir()) == [old] and list(old.iterdir()) == []


def test_a_run_that_kept_something_is_not_given_back(tmp_path: Path) -> None:
    partial = begun(tmp_path / "out")
    assert not partial.is_stored(TASK.name)
    partial.store(TASK, ROWS)
    partial.give_back()
    assert partial.is_stored(TASK.name)
