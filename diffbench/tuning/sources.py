"""The tasks that a recipe trains and measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffbench.errors import RecipeError, did_you_mean, printable
from diffbench.suite import (
    BIOGRAPHY_FAMILY,
    AnyTask,
    TaskDefinition,
    shipped_catalog,
)
from diffbench.suite.paper import PAPER_FAMILY
from diffbench.tuning.recipe import Recipe, read_recipe

__all__ = ["Sources", "read_sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a recipe names, read and checked; no model is loaded yet.

    Attributes:
        recipe: The settings, with the tasks that were asked for.
        trained: Tasks whose prompts are trained.
        evaluated: Tasks that are measured before and after.
        left_out: A sentence for each prompt file that cannot be trained.
    """

    recipe: Recipe
    trained: tuple[AnyTask, ...]
    evaluated: tuple[AnyTask, ...]
    left_out: tuple[str, ...]


def read_sources(name: str, tasks: Sequence[str] | None) -> Sources:
    """Read a recipe and its tasks.

    Args:
        name: Name of a shipped recipe, or path of a file.
        tasks: Trained and measured instead of the recipe's own.

    Raises:
        RecipeError: If there is no such recipe, a file breaks a rule, or a trained task
            is of the held-out split.
        TaskError: If a task is unknown or a file is broken.
    """
    recipe = read_recipe(name)
    if tasks is not None:
        given = {"tasks": list(tasks), "evaluate": list(tasks)}
        recipe = recipe.model_copy(update=given)
    trained = shipped_catalog().select(recipe.tasks)
    named: list[AnyTask] = [*trained.tasks, *trained.biographies]
    for task in named:
        if task.split == "held_out":
            raise RecipeError(
                f"tasks: {printable(task.name)} holds held-out prompts, which nothing is "
                f"trained on; write {task.name.replace('_heldout', '')}"
            )
    for open_ended in trained.biographies:
        if not open_ended.sketches:
            raise RecipeError(
                f"tasks: {printable(open_ended.name)} has no sketches to train on; name a "
                "task or prompt file that has, such as diffbench_biographies"
            )
    evaluated = shipped_catalog().select(recipe.evaluate)
    sources = Sources(
        recipe=recipe,
        trained=(*_exact(trained.tasks), *trained.biographies),
        evaluated=(*_exact(evaluated.tasks), *evaluated.biographies),
        left_out=trained.left_out,
    )
    _check_early_stop(sources)
    return sources


def _exact(tasks: Sequence[TaskDefinition]) -> tuple[TaskDefinition, ...]:
    """Return each task once, however it was named to be measured."""
    exact = [task.as_mode("exact") for task in tasks]
    return tuple({task.name: task for task in exact}.values())


def _check_early_stop(sources: Sources) -> None:
    """Refuse an early stop that could never come."""
    early = sources.recipe.early_stop
    if early is None:
        return
    splits = {task.split for task in sources.evaluated}
    if early.held_out_patience is not None and "held_out" not in splits:
        raise RecipeError(
            "early_stop.held_out_patience watches held-out prompts, and evaluate names no "
            "such task; add one, such as diffbench_core_heldout"
        )
    families = {task.family for task in shipped_catalog().tasks.values()}
    families |= {PAPER_FAMILY, BIOGRAPHY_FAMILY}
    for family in early.open_families or ():
        if family not in families:
            raise RecipeError(
                f"early_stop.open_families: there is no family {printable(family)!r}."
                f"{did_you_mean(family, families)}"
            )
