from __future__ import annotations

import csv
import json
import runpy
from collections import Counter
from pathlib import Path

import pytest

from diffbench.assets import asset_dir
from diffbench.errors import RecipeError
from diffbench.harness.dispatch import end_tokens
from diffbench.harness.lm import EngineLM
from diffbench.models.load import LoadedModel
from diffbench.suite import BiographyDefinition
from diffbench.tuning.examples import training_prompts
from diffbench.tuning.options import NoTuneProgress
from diffbench.tuning.sources import read_sources
from diffbench.tuning.tune import tune_model
from diffbench.tuning.turns import assistant_turn
from tests.tuning.small import small_options

FOLDER = asset_dir("tasks") / "biographies"
SCRIPT = Path(__file__).parents[2] / "training" / "biographies" / "sketches.py"
PEOPLE = [
    "{Ines Halvorsen}\n{Female}\n{March 3, 1958}\n{Bergen, Norway}",
    "{Kofi Stone}\n{Male}\n{May 9, 1971}\n{Accra, Ghana}",
]


def test_the_sketches_are_those_of_the_script_and_balanced() -> None:
    script = runpy.run_path(str(SCRIPT))
    text = (FOLDER / "sketches.csv").read_text(encoding="utf-8")
    assert text == script["sketches"]()
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 252
    with (FOLDER / "cities.csv").open(encoding="utf-8", newline="") as handle:
        regions = {
            f"{row['city']}, {row['country']}": row["region"]
            for row in csv.DictReader(handle)
        }
    cells = Counter((regions[row["birth_place"]], row["gender"]) for row in rows)
    assert cells == {
        (region, gender): 14 for region in script["REGIONS"] for gender in script["GENDERS"]
    }
    for column, least in (("name", 252), ("birth_place", 252), ("birth_date", 250)):
        assert len({row[column] for row in rows}) >= least
    first_names = {row["name"].split()[0] for row in rows}
    assert len(first_names) == 252


def test_the_recipe_trains_biographies_on_top_of_the_core() -> None:
    sources = read_sources("biographies", None)
    people = [one for one in sources.trained if isinstance(one, BiographyDefinition)]
    assert [one.name for one in people] == ["diffbench_biographies"]
    assert len(people[0].sketches) == 252
    assert len(sources.trained) == 24
    held_out = [one.name for one in sources.evaluated if one.split == "held_out"]
    assert "diffbench_biographies_heldout" in held_out


def prompt_file(folder: Path, targets: list[str]) -> Path:
    path = folder / "people.json"
    request = "Make up a person. {name} {gender} {birth} {place} {profession} {deed}"
    path.write_text(json.dumps({"request": request, "targets": targets}))
    return path


def test_without_sketches_there_is_nothing_to_train(tmp_path: Path) -> None:
    path = prompt_file(tmp_path, [])
    with pytest.raises(RecipeError, match="has no sketches to train on"):
        read_sources("all", [str(path)])
    with pytest.raises(RecipeError, match="held-out prompts"):
        read_sources("all", ["diffbench_biographies_heldout"])


def test_the_rest_of_the_reply_is_left_to_the_model(
    demo: LoadedModel, tmp_path: Path
) -> None:
    lm = EngineLM(demo)
    ends = end_tokens(demo)
    turn = assistant_turn(demo.tokenizer, ends)
    sources = read_sources("all", [str(prompt_file(tmp_path, PEOPLE))])
    (prompt,) = training_prompts(lm, sources.trained, turn)
    assert prompt.weights == (0.5, 0.5)
    for tokens, text in zip(prompt.replies, PEOPLE, strict=True):
        said = lm.vocabulary.decode_reply(tokens)
        # All of it, or all but a brace that is one token with what follows.
        assert said in (text, text[:-1])
        assert not set(tokens) & set(ends)
        # The tokens are those that the whole reply would begin with.
        whole = lm.vocabulary.encode_reply(text + "\n{Poet}\n{Wrote}")
        assert whole is not None
        assert tuple(whole[: len(tokens)]) == tokens


def test_a_few_steps_teach_the_sketches(tmp_path: Path) -> None:
    path = prompt_file(tmp_path, PEOPLE)
    options = small_options(
        tmp_path, tasks=[str(path)], evaluate_tasks=[str(path)], passes=8
    )
    record = tune_model(options, NoTuneProgress()).record
    losses = [one.loss for one in record.curve]
    assert losses[-1] < 0.8 * losses[0]
    assert record.prompts[0].outcomes == 2
