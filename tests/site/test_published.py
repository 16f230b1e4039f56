"""What leaderboard/results holds: sound, of the model that is shipped, as committed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from diffbench.models.load import LoadedModel
from diffbench.site import Inputs, read_inputs
from diffbench.site.runs import PERFECT_SPEC

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "leaderboard" / "results"

pytestmark = pytest.mark.xdist_group("published")


@pytest.fixture(scope="module")
def published() -> Inputs:
    return read_inputs([RESULTS])


def _script() -> Any:
    path = ROOT / "training" / "publish_results.py"
    spec = importlib.util.spec_from_file_location("publish_results", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_file_is_sound(published: Inputs) -> None:
    assert published.refused == []
    assert published.duplicates == []


@pytest.mark.slow
def test_every_recipe_is_there_and_the_ceiling(published: Inputs) -> None:
    recipes = {record.recipe_name for record in published.records.values()}
    assert recipes == set(_script().RECIPES)
    specs = [one.result.model.spec for one in published.submissions]
    assert specs.count(PERFECT_SPEC) == 1
    assert len(specs) == len(recipes) + 2
    for one in published.submissions:
        adapter = one.result.model.adapter
        assert adapter is None or adapter.sha256 in published.records


@pytest.mark.slow
def test_all_are_of_the_shipped_model_as_it_was_committed(
    published: Inputs, demo: LoadedModel
) -> None:
    for one in published.submissions:
        model, run = one.result.model, one.result.run
        assert model.synthetic
        if model.spec == PERFECT_SPEC:
            continue
        assert model.weights_fingerprint == demo.weights_fingerprint
        assert run.git is not None
        assert not run.git.dirty
        # A command that anybody can give.
        assert str(Path.home()) not in run.command


@pytest.mark.slow
def test_tuned_on_sketches_the_people_differ_more_and_stay_well_formed(
    published: Inputs,
) -> None:
    by_recipe = {
        None
        if one.result.model.adapter is None
        else one.result.model.adapter.recipe: one.result
        for one in published.submissions
        if one.result.biographies
    }
    before, after = (
        by_recipe[name].biographies[0].metrics for name in (None, "biographies")
    )

    def change(metric: str) -> float:
        values = before[metric].value, after[metric].value
        assert values[0] is not None and values[1] is not None
        return values[1] - values[0]

    assert abs(change("well_formed")) <= 0.03
    for field in ("first_name", "place", "profession"):
        assert change(f"{field}.distinct_100") > 5
