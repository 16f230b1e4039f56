from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.errors import TaskError
from diffbench.suite import Catalog, check_folder, shipped_catalog
from tests.suite.files import GROUP, TASK, write, write_prompt

SHIPPED = shipped_catalog()
DIE = TASK.replace("task: coin", "task: die").replace("[heads, tails]", "[one, two]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "coin.yaml")
    write(tmp_path / "dice" / "die.yaml", DIE)
    write(tmp_path / "groups" / "money.yaml", GROUP)
    write(tmp_path / "groups" / "games.yaml", "group: games\ntask: [die, money]\n")
    return tmp_path


def chosen(catalog: Catalog, *names: str | Path) -> list[str]:
    return [task.name for task in catalog.select([str(name) for name in names]).tasks]


def test_selection_by_task_group_file_and_folder(folder: Path) -> None:
    catalog = Catalog(folder)
    assert chosen(catalog, "die") == ["die"]
    assert chosen(catalog, "die", "coin") == ["die", "coin"]
    assert chosen(catalog, "money") == ["coin"]
    assert chosen(catalog, "games") == ["die", "coin"]
    assert chosen(catalog, folder / "coin.yaml") == ["coin"]
    assert chosen(catalog, folder) == ["coin", "die"]
    assert chosen(catalog, "coin", "games", folder, folder / "coin.yaml") == ["coin", "die"]


def test_a_folder_may_hold_tasks_and_prompts(folder: Path) -> None:
    write_prompt(folder / "prompts" / "toss.json")
    write_prompt(folder / "prompts" / "open.json", targets=["{a}, {b}"])
    selection = SHIPPED.select([str(folder)])
    assert [task.name for task in selection.tasks] == ["coin", "die", "prompt_prompts_toss"]
    assert len(selection.left_out) == 1
    assert "open.json" in selection.left_out[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "diffbench_number_1_10",
            r"no task, group, file or folder 'diffbench_number_1_10'\. Did you mean "
            "diffbench_numbers_1_10 or ",
        ),
        ("diffbench_cor", "Did you mean diffbench_core "),
        ("diffbench_ocupations_m_heldout", "Did you mean diffbench_occupations_m_heldout"),
        ("", "no task, group, file or folder ''"),
        ("/nowhere/at/all", "no task, group, file or folder '/nowhere/at/all'"),
        ("nowhere.yaml", r"nowhere\.yaml: there is no such file"),
        ("nowhere.json", r"nowhere\.json: there is no such file"),
        ("x" * 300, r"no task, group, file or folder 'x{199}…'"),
        ("co\x1b[31min\0", r"'co\S+x1b\[31min\S+x00'"),
    ],
)
def test_unknown_name_is_refused_with_the_nearest_ones(name: str, message: str) -> None:
    with pytest.raises(TaskError, match=message) as caught:
        SHIPPED.select(["diffbench_core", name])
    assert str(caught.value).isprintable()


def test_nothing_to_select(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="the list of tasks is empty"):
        SHIPPED.select([])
    with pytest.raises(TaskError, match=r"no task file \(\.yaml\) and no prompt file"):
        SHIPPED.select([str(tmp_path)])
    write_prompt(tmp_path / "open.json", targets=[])
    with pytest.raises(
        TaskError, match=r"in this folder \(.*open\.json: targets: the list"
    ):
        SHIPPED.select([str(tmp_path)])
    with pytest.raises(TaskError, match="none: there is no such folder"):
        chosen(Catalog(tmp_path / "none"), "coin")


def test_two_different_tasks_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "coin.yaml", tmp_path / "two" / "other.yaml"
    write(one)
    write(two, TASK.replace("title: Coin", "title: Other"))
    with pytest.raises(TaskError, match=r"other\.yaml: task: 'coin' is .* of coin\.yaml"):
        chosen(SHIPPED, tmp_path)
    with pytest.raises(TaskError, match=r"named 'coin' \(coin\.yaml and other\.yaml\)"):
        chosen(SHIPPED, one, two)


def test_a_group_file_is_no_task(folder: Path) -> None:
    with pytest.raises(TaskError, match=r"money\.yaml: group: this file lists tasks"):
        chosen(Catalog(folder), folder / "groups" / "money.yaml")


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (
            "group: bad\ntask: [con]\n",
            "'con' is neither a task nor a group. Did you mean coin",
        ),
        ("group: bad\ntask: [coin, bad]\n", "the group 'bad' contains itself"),
        ("group: bad\ntask: [worse]\n---\n", "not valid YAML"),
        ("group: money\ntask: [die]\n", "group: 'money' is already the name of another"),
        ("group: coin\ntask: [die]\n", "group: 'coin' is already the name of another"),
        ("group: bad\ntask: coin\n", "task: got 'coin'; list the names of its tasks"),
        ("group: bad\ntask: []\n", r"task: got \[\]"),
        ("group: bad\ntask: [7]\n", r"task: got \[7\]"),
        ("group: bad\ntasks: [coin]\n", "task: got None"),
    ],
)
def test_broken_group_is_refused(folder: Path, group: str, message: str) -> None:
    path = write(folder / "zzz.yaml", group)
    with pytest.raises(TaskError, match=rf"^{path}: .*{message}"):
        _ = Catalog(folder).groups
    problems = check_folder(folder)
    assert len(problems) == 1
    assert problems[0].startswith(f"{path}: ")


class TestCheckFolder:
    def test_sound(self, folder: Path) -> None:
        write_prompt(folder / "toss.json")
        assert check_folder(folder) == []
        assert check_folder(folder / "coin.yaml") == []
        assert check_folder(folder / "groups" / "money.yaml") == []
        assert check_folder(folder / "toss.json") == []
        assert check_folder(SHIPPED.folder) == []

    def test_every_broken_file_is_named(self, folder: Path) -> None:
        broken = [
            write(folder / "a.yaml", TASK.replace("coin", "a b")),
            write(folder / "dice" / "b.yaml", b"\xff"),
            write(folder / "c.json", "{"),
            write(folder / "groups" / "d.yaml", "group: d\n"),
        ]
        problems = check_folder(folder)
        for path, problem in zip(sorted(broken), problems, strict=True):
            assert problem.startswith(f"{path}: ")

    def test_single_broken_file(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.yaml", TASK.replace("title", "tilte"))
        assert check_folder(path) == [f"{path}: distribution.title: Field required"]

    def test_nothing_to_check_is_no_pass(self, tmp_path: Path) -> None:
        assert check_folder(tmp_path) == [
            f"{tmp_path}: no task file (.yaml) and no prompt file (.json) in this folder"
        ]

    def test_names_that_are_used_twice(self, folder: Path) -> None:
        write_prompt(folder / "x y.json")
        write_prompt(folder / "x_y.json")
        assert "x y.json and x_y.json" in check_folder(folder)[0]
        write(folder / "z.yaml")
        assert (
            "z.yaml: task: 'coin' is already the name of coin.yaml"
            in check_folder(folder)[0]
        )
