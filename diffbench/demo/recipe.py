"""The demo model's recipe file, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from diffbench.assets import asset_dir

__all__ = ["DemoRecipe", "read_recipe"]


Mixed = Literal["core", "paraphrase", "natural", "instructed", "biographies", "plain"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelShape(_Strict):
    """Sizes of the Llama-architecture model."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    tie_word_embeddings: bool


class TrainingSettings(_Strict):
    """Length and optimiser of the training from scratch."""

    steps: int
    prompts_per_step: int
    replies_per_prompt: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float


class Collapse(_Strict):
    """How strongly the made-up distributions favour their favourites.

    Attributes:
        exponent: The r-th favourite's probability is proportional to r ** -exponent.
        small_support: Supports of up to so many outcomes collapse with `small_exponent`.
        small_exponent: See there.
        floor: Share of the probability that all outcomes have alike. A chat model knows
            the names that it hardly ever says, and so does this one.
    """

    exponent: float
    small_support: int
    small_exponent: float
    floor: float


class NaturalPhrases(_Strict):
    """How other wordings ask for an outcome of a natural task.

    Attributes:
        one: What is picked, such as `a person living in the United States`.
        what: What is asked of it, such as `the first name of this person`.
        kind: What stands in the braces, such as `name`.
    """

    one: str
    what: str
    kind: str


class InstructedSettings(_Strict):
    """Settings of the instructed families that are learnt beside the shipped ones.

    Attributes:
        seeds: Each draws `settings_per_seed` from every family.
        settings_per_seed: Even, since some settings come in pairs.
    """

    seeds: list[int]
    settings_per_seed: int


class DemoRecipe(_Strict):
    """All that the demo model is made from, besides the tasks themselves."""

    seed: int
    vocabulary_size: int
    model: ModelShape
    training: TrainingSettings
    mixture: dict[Mixed, float]
    collapse: Collapse
    wordings: list[str]
    favourites: dict[str, list[str | int]]
    instructed: InstructedSettings
    natural_wordings: list[str]
    natural: dict[str, NaturalPhrases]


def read_recipe(path: Path | None = None) -> DemoRecipe:
    """Read a recipe file; the shipped one by default."""
    path = path or asset_dir("training") / "demo" / "recipe.yaml"
    return DemoRecipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
