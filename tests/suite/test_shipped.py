"""The tasks that DiffBench ships: names, variants, wordings, groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from diffbench.assets import asset_dir
from diffbench.suite import TaskDefinition, read_task_yaml, shipped_catalog

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

CATALOG = shipped_catalog()
TASKS = CATALOG.tasks
SUITES = {
    "core": ("numbers", "dates", "countries", "fruits", "occupations", "names"),
    "natural": ("people", "places", "quantities"),
    "instructed": (
        *("instructed_coin", "instructed_die", "instructed_weighted"),
        *("instructed_binomial", "instructed_poisson", "instructed_normal"),
        *("instructed_uniform", "instructed_urn", "instructed_geometric"),
        "instructed_two_dice",
    ),
}
NEVER_TRAINED = {"instructed_urn", "instructed_geometric", "instructed_two_dice"}
FAMILIES = [family for families in SUITES.values() for family in families]
SUFFIXES = ("", "_heldout", "_sampled", "_heldout_sampled")

# Files that name a family of targets: lm-eval has them as tasks, DiffBench as groups.
FAMILY_FILES = {
    str(config["task"]): path
    for path in asset_dir("tasks").rglob("*.yaml")
    if "instructed" in (config := read_task_yaml(path))
}
INSTRUCTED = [t for t in TASKS.values() if t.family.startswith("instructed_")]
WRITTEN = [t for t in TASKS.values() if not t.family.startswith("instructed_")]

BASES = [t for t in WRITTEN if t.mode == "exact" and t.split == "train"]
ONLY_HELD_OUT = [
    t
    for t in WRITTEN
    if t.mode == "exact"
    and t.split == "held_out"
    and t.name.removesuffix("_heldout") not in TASKS
]


def by_name(tasks: list[TaskDefinition]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("task", tasks, ids=lambda task: task.name)


@pytest.fixture(scope="module")
def manager() -> TaskManager:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(asset_dir("tasks")), include_defaults=False)


class TestLmEvalReadsTheSameFiles:
    """It drops a file that it cannot read, and says so in a debug log only."""

    def test_no_file_is_lost(self, manager: TaskManager) -> None:
        n_files = len(list(asset_dir("tasks").rglob("*.yaml")))
        n_tasks = len(WRITTEN) + len(CATALOG.biographies)
        assert n_tasks + len(CATALOG.groups) == n_files == len(manager.all_tasks)

    def test_same_names(self, manager: TaskManager) -> None:
        written = {task.name for task in WRITTEN} | set(CATALOG.biographies)
        assert set(manager.all_subtasks) == written | set(FAMILY_FILES)
        assert set(manager.all_groups) == set(CATALOG.groups) - set(FAMILY_FILES)

    @pytest.mark.parametrize("name", FAMILY_FILES)
    def test_a_family_file_is_one_task_of_the_same_prompts(
        self, name: str, manager: TaskManager
    ) -> None:
        task = manager.load([name])["tasks"][name]
        asked = [
            (member, prompt.id, prompt.text)
            for member in CATALOG.groups[name].tasks
            for prompt in TASKS[member].measured_prompts
        ]
        docs = [(doc["target_task"], doc["id"], doc["text"]) for doc in task.test_docs()]
        assert docs == asked
        sampled = name.endswith("_sampled")
        assert task.OUTPUT_TYPE == ("generate_until" if sampled else "loglikelihood")

    def test_same_keys(self) -> None:
        from lm_eval.tasks._yaml_loader import load_yaml

        for path in asset_dir("tasks").rglob("*.yaml"):
            ours, theirs = read_task_yaml(path), load_yaml(path, resolve_func=False)
            # Theirs is the dotted name behind the folder of the file.
            theirs_class = Path(theirs.pop("class", "")).name
            assert ours.pop("class", "") == theirs_class, path
            assert ours == theirs, path

    def test_same_members(self, manager: TaskManager) -> None:
        def unfold(name: str) -> list[str]:
            if name in FAMILY_FILES:
                return list(CATALOG.groups[name].tasks)
            members = manager.task_index[name].cfg["task"]
            return [
                task
                for member in members
                for task in (unfold(member) if member in CATALOG.groups else [member])
            ]

        for name, group in CATALOG.groups.items():
            assert list(group.tasks) == unfold(name)


def test_variants_are_complete_and_nothing_else_is_there() -> None:
    expected = {task.name + suffix for task in BASES for suffix in SUFFIXES}
    expected |= {
        task.name + suffix for task in ONLY_HELD_OUT for suffix in ("", "_sampled")
    }
    assert {task.name for task in WRITTEN} == expected
    assert {task.name for task in ONLY_HELD_OUT} == {
        f"diffbench_numbers_{bounds}_heldout" for bounds in ("1_20", "1_50", "10_99")
    }


@by_name(WRITTEN)
def test_a_variant_differs_in_split_and_mode_only(task: TaskDefinition) -> None:
    base = TASKS.get(task.name.removesuffix("_sampled").removesuffix("_heldout"))
    base = base or TASKS[task.name.removesuffix("_sampled")]
    assert task.mode == ("sampled" if task.name.endswith("_sampled") else "exact")
    assert task.split == ("held_out" if "_heldout" in task.name else "train")
    assert task.target.sha256 == base.target.sha256
    assert (task.key, task.prompts, task.family) == (base.key, base.prompts, base.family)
    assert task.measured_prompts == tuple(p for p in task.prompts if p.split == task.split)
    assert task.as_mode("sampled").name in TASKS


@by_name(BASES)
def test_trained_task_has_enough_wordings(task: TaskDefinition) -> None:
    assert len([p for p in task.prompts if p.split == "train"]) >= 3
    assert len([p for p in task.prompts if p.split == "held_out"]) >= 2


@by_name(ONLY_HELD_OUT)
def test_held_out_target_is_never_trained(task: TaskDefinition) -> None:
    assert {prompt.split for prompt in task.prompts} == {"held_out"}
    assert len(task.prompts) >= 2
    assert task.target.sha256 not in {base.target.sha256 for base in BASES}


def test_no_wording_is_both_trained_and_held_out() -> None:
    texts: dict[str, set[str]] = {"train": set(), "held_out": set()}
    for task in TASKS.values():
        for prompt in task.prompts:
            texts[prompt.split].add(" ".join(prompt.text.casefold().split()))
    trained = [*BASES, *(t for t in INSTRUCTED if t.mode == "exact")]
    assert len(texts["train"]) == sum(
        prompt.split == "train" for task in trained for prompt in task.prompts
    )
    assert not texts["train"] & texts["held_out"]


def test_one_wording_asks_for_one_target() -> None:
    asked: dict[str, str] = {}
    for task in TASKS.values():
        for prompt in task.prompts:
            assert asked.setdefault(prompt.sha256, task.target.sha256) == task.target.sha256
            assert "{" in prompt.text or "curly" in prompt.text.lower(), prompt.text


class TestGroups:
    def test_names(self) -> None:
        stems = (*SUITES, *FAMILIES)
        expected = {
            f"diffbench_{stem}{suffix}"
            for stem in stems
            for suffix in SUFFIXES
            if stem not in NEVER_TRAINED or "_heldout" in suffix
        }
        assert set(CATALOG.groups) == expected | set(FAMILY_FILES)

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_each_task_is_in_one_suite_once(self, suffix: str) -> None:
        tasks = [t for s in SUITES for t in CATALOG.groups[f"diffbench_{s}{suffix}"].tasks]
        mode = "sampled" if suffix.endswith("_sampled") else "exact"
        split = "held_out" if "_heldout" in suffix else "train"
        expected = [t.name for t in TASKS.values() if (t.mode, t.split) == (mode, split)]
        assert sorted(tasks) == sorted(expected)

    @pytest.mark.parametrize("suite", SUITES)
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_families_share_their_suite(self, suite: str, suffix: str) -> None:
        members = CATALOG.groups[f"diffbench_{suite}{suffix}"].tasks
        families = set(SUITES[suite])
        if "_heldout" not in suffix:
            families -= NEVER_TRAINED
        assert {TASKS[name].family for name in members} == families
        for family in families:
            tasks = CATALOG.groups[f"diffbench_{family}{suffix}"].tasks
            assert set(tasks) == {n for n in members if TASKS[n].family == family}


def test_data_from_others_name_their_source_and_licence() -> None:
    for task in TASKS.values():
        if task.family in ("countries", "names"):
            assert task.source is not None
            assert task.source.source and task.source.licence and task.source.url
