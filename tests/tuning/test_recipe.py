"""Recipes: those that are shipped, and what users get wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.errors import RecipeError, TaskError
from diffbench.tuning.recipe import public_name, read_recipe, recipe_names
from diffbench.tuning.sources import read_sources

FAMILIES = ("numbers", "dates", "countries", "fruits", "occupations", "names")
NATURAL = ("people", "places", "quantities")


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_trains_train_prompts_only(name: str) -> None:
    sources = read_sources(name, None)
    assert sources.trained
    assert all(task.split == "train" for task in sources.trained)
    names = {task.name for task in sources.evaluated}
    assert {task.name for task in sources.trained} <= names


def test_the_shipped_recipes_are_those_that_are_promised() -> None:
    expected = {"all", "paper", "demo", "guarded", "weighted", "biographies", *FAMILIES}
    expected |= {"natural", *NATURAL, "instructed"}
    expected |= {f"instructed/{some}" for some in ("choices", "laws", "both")}
    expected |= {f"leave-one-{way}/{f}" for way in ("out", "in") for f in FAMILIES}
    expected |= {f"cross-range/{n}" for n in ("1-10", "1-100", "both")}
    assert set(recipe_names()) == expected


@pytest.mark.parametrize(
    ("name", "families"),
    [("all", FAMILIES), ("natural", NATURAL), *((family, (family,)) for family in NATURAL)],
)
def test_suites_are_trained_apart(name: str, families: tuple[str, ...]) -> None:
    sources = read_sources(name, None)
    for tasks in (sources.trained, sources.evaluated):
        assert {task.family for task in tasks} == set(families)
    assert {task.split for task in sources.evaluated} == {"train", "held_out"}


@pytest.mark.parametrize("family", FAMILIES)
def test_leave_one_out_and_in_are_each_others_complement(family: str) -> None:
    left_out = {t.family for t in read_sources(f"leave-one-out/{family}", None).trained}
    left_in = {t.family for t in read_sources(f"leave-one-in/{family}", None).trained}
    assert left_in == {family}
    assert left_out == set(FAMILIES) - {family}


def test_the_paper_s_settings_are_the_published_ones() -> None:
    recipe = read_recipe("paper")
    assert recipe.lora.rank == 4
    assert recipe.lora.alpha == 8
    assert len(recipe.lora.targets) == 7
    settings = recipe.optimiser
    assert (settings.learning_rate, settings.epsilon, settings.clip) == (5e-5, 1e-5, 1.0)
    assert (recipe.passes, recipe.prompts_per_step) == (50, 1)
    assert recipe.early_stop is not None
    assert recipe.early_stop.gamma == 0.2


def test_a_learning_rate_times_width_shrinks_with_the_model() -> None:
    settings = read_recipe("all").optimiser
    assert settings.rate(4096) == pytest.approx(settings.rate(1024) / 4)
    assert read_recipe("paper").optimiser.rate(4096) == 5e-5


def _write(folder: Path, text: str, name: str = "mine.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_file_changes_only_what_it_says(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "extends: all\ntitle: mine\nlora: {rank: 2}\noptimiser: {learning_rate: 0.001}\n",
    )
    recipe, base = read_recipe(path), read_recipe("all")
    assert recipe.lora.rank == 2
    assert recipe.lora.alpha == base.lora.alpha
    assert recipe.optimiser.rate(10) == recipe.optimiser.rate(20) == 0.001
    assert recipe.passes == base.passes


def test_a_file_may_leave_the_guard_out(tmp_path: Path) -> None:
    path = _write(tmp_path, "extends: all\ntitle: mine\nguard: null\n")
    assert read_recipe("all").guard is not None
    assert read_recipe(path).guard is None
    assert read_recipe("paper").guard is None


def test_prompt_files_beside_a_recipe_are_found(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "coin.json").write_text(
        '{"request": "Flip.", "targets": ["{heads}", "{tails}"]}'
    )
    path = _write(
        tmp_path, "extends: all\ntitle: t\ntasks: [prompts]\nevaluate: [prompts]\n"
    )
    sources = read_sources(path, None)
    assert [task.name for task in sources.trained] == ["prompt_prompts_coin"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: alll\n", "there is no recipe 'alll'"),
        ("extends: 3\n", "extends: got 3; name one recipe"),
        ("extends: all\npasses: 0\n", "passes: "),
        ("extends: all\nlora: {rank: x}\n", "lora.rank: "),
        ("extends: all\nlora: {ranks: 3}\n", "lora.ranks: "),
        ("extends: all\noptimiser: {learning_rate: .nan}\n", "optimiser.learning_rate: "),
        (
            "extends: all\noptimiser: {learning_rate: 1, learning_rate_times_width: 1}\n",
            "give either",
        ),
        ("title: t\n", "tasks: Field required"),
        ("- a\n", "a recipe is a list of settings"),
        ("a: [\n", "not a YAML file"),
        ("extends: mine.yaml\n", "in a circle"),
    ],
)
def test_a_broken_recipe_names_file_and_key(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path, text)
    with pytest.raises(RecipeError) as caught:
        read_recipe("mine.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["alll", "nowhere.yaml", "", "x" * 300, "a/b"])
def test_an_unknown_recipe_lists_the_shipped_ones(name: str) -> None:
    with pytest.raises(RecipeError, match="leave-one-out/names"):
        read_recipe(name)


def test_held_out_prompts_are_never_trained(tmp_path: Path) -> None:
    path = _write(
        tmp_path, "extends: all\ntitle: t\ntasks: [diffbench_dates_weekday_heldout]\n"
    )
    with pytest.raises(RecipeError, match="write diffbench_dates_weekday"):
        read_sources(path, None)
    with pytest.raises(RecipeError, match="held-out prompts"):
        read_sources("all", ("diffbench_core_heldout",))


def test_an_unknown_task_gets_the_nearest_names() -> None:
    with pytest.raises(TaskError, match="diffbench_dates"):
        read_sources("all", ("diffbench_date",))


def test_a_path_is_not_recorded() -> None:
    assert public_name("leave-one-out/names") == "leave-one-out/names"
    assert public_name("/home/me/secret/mine.yaml") == "mine.yaml"


@pytest.mark.parametrize(
    ("early", "said"),
    [
        ("{held_out_patience: 2}", "watches held-out prompts"),
        ("{gamma: 0.2, open_families: [namez]}", "Did you mean names"),
    ],
)
def test_an_early_stop_that_could_never_come_is_refused(
    early: str, said: str, tmp_path: Path
) -> None:
    path = _write(
        tmp_path,
        "extends: all\ntitle: t\ntasks: [diffbench_dates]\nevaluate: [diffbench_dates]\n"
        f"early_stop: {early}\n",
    )
    with pytest.raises(RecipeError, match=said):
        read_sources(path, None)


def test_a_task_named_twice_is_trained_once() -> None:
    names = ("diffbench_dates_weekday", "diffbench_dates_weekday_sampled")
    assert len(read_sources("all", names).trained) == 1
