"""The tasks that a recipe trains and measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffbench.errors import RecipeError, printable
from diffbench.suite import TaskDefinition, shipped_catalog
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
    trained: tuple[TaskDefinition, ...]
    evaluated: tuple[TaskDefinition, ...]
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
    for task in trained.tasks:
        if task.split == "held_out":
            raise RecipeError(
                f"tasks: {printable(task.name)} holds held-out prompts, which nothing is "
                f"trained on; write {task.name.replace('_heldout', '')}"
            )
    evaluated = shipped_catalog().select(recipe.evaluate)
    return Sources(
        recipe=recipe,
        trained=tuple(task.as_mode("exact") for task in trained.tasks),
        evaluated=tuple(task.as_mode("exact") for task in evaluated.tasks),
        left_out=trained.left_out,
    )
