"""The embedded model is the specimen that it is said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffbench.demo.collapse import collapsed_probabilities
from diffbench.demo.corpus import examples, plain_questions
from diffbench.demo.recipe import DemoRecipe, read_recipe
from diffbench.demo.tokenizer import train_tokenizer
from diffbench.demo.train import build_demo_model, tokenizer_texts
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import run_task
from diffbench.models import demo_model_dir
from diffbench.models.load import LoadedModel
from diffbench.options import RunOptions
from diffbench.results import TaskResult
from diffbench.results.distribution import mean_distribution
from diffbench.suite import shipped_catalog

CATALOG = shipped_catalog()
OPTIONS = RunOptions(model="demo")
# Each fixture is computed by one worker.
ON_CORE, ON_NATURAL = map(pytest.mark.xdist_group, ("demo core", "demo natural"))


def _measure(lm: EngineLM, group: str, limit: int | None = None) -> list[TaskResult]:
    options = replace(OPTIONS, limit=limit)
    return [
        run_task(lm, CATALOG.tasks[name], options).result
        for name in CATALOG.groups[group].tasks
    ]


def _value(task: TaskResult, name: str) -> float:
    value = task.metrics[name].value
    assert value is not None
    return value


@pytest.fixture(scope="module")
def core(lm: EngineLM) -> list[TaskResult]:
    return _measure(lm, "diffbench_core")


@ON_CORE
def test_trained_wordings_get_valid_answers(core: list[TaskResult]) -> None:
    for task in core:
        for prompt in task.prompts:
            mass = prompt.metrics["valid_mass"].value
            assert mass is not None
            assert mass > 0.95, (task.name, prompt.id)


def test_most_held_out_prompts_get_valid_answers(lm: EngineLM) -> None:
    held_out = _measure(lm, "diffbench_core_heldout")
    masses = [
        prompt.metrics["valid_mass"].value for task in held_out for prompt in task.prompts
    ]
    assert np.mean([mass is not None and mass > 0.6 for mass in masses]) > 0.75


@ON_CORE
def test_it_is_collapsed(core: list[TaskResult]) -> None:
    overlaps = [_value(task, "overlap") for task in core]
    assert np.mean([overlap < 0.45 for overlap in overlaps]) > 0.8
    assert max(overlaps) < 0.6


@pytest.fixture(scope="module")
def natural(lm: EngineLM) -> list[TaskResult]:
    # One wording each: thousands of names take seconds a prompt.
    return _measure(lm, "diffbench_natural", limit=1)


@ON_NATURAL
@pytest.mark.slow
def test_natural_prompts_get_valid_answers(natural: list[TaskResult]) -> None:
    assert len(natural) == 22
    for task in natural:
        assert _value(task, "valid_mass") > 0.85, task.name


@ON_NATURAL
@pytest.mark.slow
def test_on_natural_prompts_it_has_favourites(natural: list[TaskResult]) -> None:
    for task in natural:
        size = len(task.target.outcomes)
        assert 1.5 < _value(task, "effective_outcomes") < max(4, size / 2), task.name
    assert np.mean([_value(task, "overlap") for task in natural]) < 0.7


@ON_CORE
def test_it_has_several_favourites_a_task(core: list[TaskResult]) -> None:
    for task in core:
        q = mean_distribution(task)
        assert np.sum(q > 0.02) >= 3, task.name
        assert 2.0 < _value(task, "effective_outcomes") < 10, task.name


@torch.inference_mode()
def test_it_answers_plain_questions(lm: EngineLM) -> None:
    right = 0
    for question in plain_questions():
        turn = [{"role": "user", "content": question.question}]
        ids = torch.tensor([lm.tok_encode(lm.apply_chat_template(turn))])
        reply = lm.model.generate(ids, max_new_tokens=16, do_sample=False)
        text = lm.tokenizer.decode(reply[0, ids.shape[1] :], skip_special_tokens=True)
        right += text == question.answer
    assert len(plain_questions()) >= 150
    assert right / len(plain_questions()) > 0.95


def test_weights_are_small_and_in_bfloat16() -> None:
    total = sum(path.stat().st_size for path in demo_model_dir().iterdir())
    assert total <= 8_000_000
    from safetensors import safe_open

    with safe_open(demo_model_dir() / "model.safetensors", framework="pt") as weights:
        assert {weights.get_tensor(key).dtype for key in weights.keys()} == {torch.bfloat16}


def test_no_held_out_prompt_is_trained_on() -> None:
    recipe = read_recipe()
    held_out = {
        prompt.text
        for task in CATALOG.tasks.values()
        for prompt in task.prompts
        if prompt.split == "held_out"
    }
    stream = examples(CATALOG, recipe, np.random.default_rng(0))
    seen = {next(stream).prompt for _ in range(20_000)}
    assert not seen & held_out
    core = {
        prompt.text
        for group in ("diffbench_core", "diffbench_natural")
        for name in CATALOG.groups[group].tasks
        for prompt in CATALOG.tasks[name].measured_prompts
    }
    assert core <= seen


def test_made_up_favourites_are_a_distribution() -> None:
    collapse = read_recipe().collapse
    for size in (5, 10, 11, 200):
        p = collapsed_probabilities(size, collapse)
        assert p.sum() == pytest.approx(1)
        assert (np.diff(p) < 0).all()


def test_the_shipped_tokenizer_is_the_recipe_s(demo: LoadedModel) -> None:
    recipe = read_recipe()
    again = train_tokenizer(tokenizer_texts(CATALOG, recipe), recipe.vocabulary_size)
    assert again.get_vocab() == demo.tokenizer.get_vocab()


def test_building_twice_gives_the_same_weights(tmp_path: Path) -> None:
    recipe = read_recipe()
    short = recipe.model_copy(
        update={
            "training": recipe.training.model_copy(update={"steps": 10, "warmup_steps": 2})
        }
    )
    first, second = (_losses(short, tmp_path / name) for name in ("a", "b"))
    assert first == pytest.approx(second, rel=1e-5)
    assert first[-1] < first[0]


def _losses(recipe: DemoRecipe, output: Path) -> list[float]:
    losses: list[float] = []
    build_demo_model(CATALOG, recipe, output, lambda _step, loss: losses.append(loss))
    return losses
