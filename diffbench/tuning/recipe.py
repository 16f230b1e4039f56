"""What a recipe file may say, and where the shipped ones are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from diffbench.assets import asset_dir
from diffbench.errors import RecipeError, brief, did_you_mean, printable

__all__ = [
    "EarlyStop",
    "Guard",
    "LoraSettings",
    "OptimiserSettings",
    "Recipe",
    "public_name",
    "public_recipe",
    "read_recipe",
    "recipe_names",
]

_MOST_BASES = 8
_RATES = ("learning_rate", "learning_rate_times_width")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Names = Annotated[list[str], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class LoraSettings(_Strict):
    """The adapter's shape.

    Attributes:
        rank: Rank of each update.
        alpha: The update is scaled by alpha / rank.
        dropout: Share of an update's inputs that is dropped in training.
        targets: Names of the layers that get one; `all-linear` is every linear layer but
            the output's.
        output_layer: Adapt the output layer too, unless it is one matrix with the
            embeddings.
    """

    rank: Count
    alpha: Positive
    dropout: Share = 0.0
    targets: Literal["all-linear"] | Names = "all-linear"
    output_layer: bool = False


class OptimiserSettings(_Strict):
    """AdamW's settings; one of the two learning rates is given.

    Attributes:
        learning_rate: The same for every model.
        learning_rate_times_width: Learning rate times the model's hidden size: larger
            models take smaller steps.
        schedule: `constant`, or falling to 0 along half a `cosine`.
        warmup: Share of all steps in which the rate rises from 0.
        clip: Largest norm of a step's gradient.
    """

    learning_rate: Positive | None = None
    learning_rate_times_width: Positive | None = None
    betas: tuple[Share, Share] = (0.9, 0.999)
    epsilon: Positive = 1e-8
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    clip: Positive = 1.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0

    @model_validator(mode="after")
    def _one_rate(self) -> OptimiserSettings:
        if (self.learning_rate is None) == (self.learning_rate_times_width is None):
            raise ValueError("give either learning_rate or learning_rate_times_width")
        return self

    def rate(self, width: int) -> float:
        """Return the learning rate for a model of a hidden size."""
        if self.learning_rate is not None:
            return self.learning_rate
        assert self.learning_rate_times_width is not None
        return self.learning_rate_times_width / width


class EarlyStop(_Strict):
    """When training ends before its last pass.

    Attributes:
        gamma: Stop after a pass whose summed loss is at most (1 + gamma) times the
            summed entropy of the targets (Zhang et al.).
        open_families: Apply gamma only where every trained family is one of these:
            families whose list of outcomes is not exhaustive, so that the loss should
            not be driven to its optimum. Without it, gamma always applies.
        held_out_patience: Stop when the loss on the evaluated held-out prompts has not
            fallen for so many passes, and keep the best pass.
    """

    gamma: Positive | None = None
    open_families: list[str] | None = None
    held_out_patience: Count | None = None


class Guard(_Strict):
    """A penalty for changing replies to plain questions.

    Attributes:
        weight: What KL(base || tuned), in nats a token, is multiplied with.
        questions_per_step: Plain questions in each step.
    """

    weight: Positive
    questions_per_step: Count = 4


class Recipe(_Strict):
    """What is trained, how, and what is measured afterwards.

    Attributes:
        title: A few words.
        tasks: Task or group names, or prompt files, whose train prompts are trained.
        evaluate: What is measured before and after.
        passes: Times that every prompt is trained.
        prompts_per_step: Prompts whose mean loss makes one step.
    """

    title: str
    tasks: Names
    evaluate: Names
    lora: LoraSettings
    optimiser: OptimiserSettings
    passes: Count
    prompts_per_step: Count = 1
    early_stop: EarlyStop | None = None
    guard: Guard | None = None


def recipe_names() -> list[str]:
    """Return the names of the shipped recipes."""
    folder = asset_dir("training") / "recipes"
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.yaml")
    )


def public_name(name: str) -> str:
    """Return a recipe's name to show and record; of a file its last part only."""
    return name if name in recipe_names() else Path(name).name


def public_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe to record: of the files that it names, the last parts only."""
    return recipe.model_copy(
        update={
            "tasks": [name.rsplit("/", 1)[-1] for name in recipe.tasks],
            "evaluate": [name.rsplit("/", 1)[-1] for name in recipe.evaluate],
        }
    )


def read_recipe(name: str) -> Recipe:
    """Read a shipped recipe by its name, or a file by its path.

    A file that says `extends: NAME` changes only what it says; settings within a section
    are merged.

    Raises:
        RecipeError: If there is no such recipe, or a file breaks a rule; names the file
            and the key.
    """
    path = _path(name)
    content = _merged(path, ())
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        got = f"; got {brief(first['input'])}" if first["type"] != "missing" else ""
        raise RecipeError(f"{path}: {where}: {printable(first['msg'])}{got}") from None


def _path(name: str) -> Path:
    if name in recipe_names():
        return asset_dir("training") / "recipes" / f"{name}.yaml"
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and _exists(path):
        return path
    what = "file" if path.suffix in (".yaml", ".yml") else "recipe"
    raise RecipeError(
        f"there is no {what} {printable(name)!r}; the shipped recipes are "
        f"{', '.join(recipe_names())}.{did_you_mean(name, recipe_names())}"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _merged(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    content = _read(path)
    base = content.pop("extends", None)
    content = _with_paths(content, path.parent)
    if base is None:
        return content
    if not isinstance(base, str):
        raise RecipeError(f"{path}: extends: got {brief(base)}; name one recipe")
    if len(below) >= _MOST_BASES or path in below:
        raise RecipeError(f"{path}: extends: recipes extend one another in a circle")
    return _overlaid(_merged(_path(base), (*below, path)), content)


def _overlaid(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        if not (isinstance(old, dict) and isinstance(value, dict)):
            merged[key] = value
            continue
        merged[key] = {**old, **value}
        for rate, other in (_RATES, _RATES[::-1]):
            if rate in value:
                merged[key].pop(other, None)
    return merged


def _with_paths(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Find the files that a recipe names beside it."""
    for key in ("tasks", "evaluate"):
        names = content.get(key)
        if isinstance(names, list):
            content[key] = [
                str(folder / name)
                if isinstance(name, str) and name and _exists(folder / name)
                else name
                for name in names
            ]
    return content


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: not a YAML file ({printable(error)})") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: got {brief(content)}; a recipe is a list of settings")
    return content
