"""Files that name a family of instructed targets, and what users get wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.errors import TaskError
from diffbench.suite import Catalog, check_folder, family_from_config, read_task_yaml
from tests.suite.files import write

FAMILY = """\
task: toss
class: !function diffbench.harness.instructed.InstructedTask
metadata: {version: 1.0}
instructed:
  generator: coin
  family: coins
  seed: 1
  settings: {train: 4, held_out: 2}
  accept: [padded]
  prompts:
    train:
      - {id: a, text: "Toss: $percents. Reply with {side}."}
    held_out:
      - {id: b, text: "Flip: $decimals. Reply with {side}."}
"""
HELD_OUT = "include: ../toss.yaml\ntask: toss_heldout\nsplit: held_out\n"


def test_a_file_is_a_group_of_tasks(tmp_path: Path) -> None:
    write(tmp_path / "toss.yaml", FAMILY)
    write(tmp_path / "variants" / "h.yaml", HELD_OUT)
    write(tmp_path / "both.yaml", "group: both\ntask: [toss, toss_heldout]\n")
    assert check_folder(tmp_path) == []
    catalog = Catalog(tmp_path)
    assert set(catalog.groups) == {"toss", "toss_heldout", "both"}
    trained = [f"toss_{i}" for i in (1, 2, 3, 4)]
    held_out = ["toss_a_heldout", "toss_b_heldout"]
    assert list(catalog.tasks) == [*trained, *held_out]
    assert list(catalog.groups["both"].tasks) == [*trained, *held_out]
    for name in ("toss", str(tmp_path / "toss.yaml")):
        assert [task.name for task in catalog.select([name]).tasks] == trained
    assert catalog.select(["toss_3"]).tasks[0].key.index[" heads "] == 0


def test_held_out_targets_are_asked_for_in_all_wordings(tmp_path: Path) -> None:
    write(tmp_path / "toss.yaml", FAMILY)
    path = write(tmp_path / "variants" / "h.yaml", HELD_OUT)
    (task, _) = family_from_config(read_task_yaml(path), path)
    assert [p.id for p in task.prompts] == ["a", "a-reversed", "b", "b-reversed"]
    assert {p.split for p in task.prompts} == {task.split} == {"held_out"}
    assert [p.listed for p in task.prompts[:2]] == [("heads", "tails"), ("tails", "heads")]
    percents = [round(100 * p) for p in task.target.probabilities]
    heads, tails = percents
    assert task.prompts[1].text == (
        f"Toss: {tails}% for tails and {heads}% for heads. Reply with {{side}}."
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("generator: coin", "generator: con", r"instructed\.generator: .*'con'"),
        ("seed: 1", "seed: -1", r"instructed\.seed: .*-1"),
        ("train: 4", "train: 3", r"settings\.train: .* ask for 4, not 3"),
        ("train: 4", "train: 0", r"instructed\.settings\.train: "),
        ("train: 4, ", "", "the split train has no settings or no prompts"),
        ("$percents", "$percent", r"prompts: a: there is no \$percent .* \$percents"),
        ("$percents", "50 $", r"prompts: a: a \$ stands before no name"),
        ("$percents", "it", "does not state the distribution"),
        ("id: b", "id: a", "the id 'a' is used twice"),
        ("generator: coin", "generator: urn", "urn is held out whole"),
        ("instructed.InstructedTask", "task.DistributionTask", r"class: .*InstructedTask"),
        (
            "metadata:",
            "title: x\nmetadata:",
            "title: unknown key; a task file",
        ),
        ("  family: coins\n", "", r"instructed\.family: Field required"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in FAMILY
    path = write(tmp_path / "toss.yaml", FAMILY.replace(old, new))
    with pytest.raises(TaskError, match=rf"^{path}: .*{message}"):
        family_from_config(read_task_yaml(path), path)
    (problem,) = check_folder(tmp_path)
    assert problem.startswith(f"{path}: ")
