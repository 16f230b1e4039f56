"""The `distribution:` or `instructed:` block of a task file, as outside data must look.

Every key is listed here and an unknown one is an error. `definition.py` holds what the
rest of DiffBench works with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator

from diffbench.answers import Variant
from diffbench.instructed import InstructedFamily

__all__ = [
    "CsvSource",
    "DistributionBlock",
    "InstructedBlock",
    "OutcomeEntry",
    "PromptEntry",
    "Provenance",
    "RangeSource",
    "TargetBlock",
]

Scalar = StrictStr | StrictInt
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
FamilyName = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OutcomeEntry(_Strict):
    """One outcome written out in the task file."""

    outcome: Scalar
    weight: float = 1.0
    aliases: list[StrictStr] = []
    value: float | None = None


class RangeSource(_Strict):
    """Integers from `first` to `last`, both included."""

    first: StrictInt
    last: StrictInt
    step: StrictInt = 1


class CsvSource(_Strict):
    """Outcomes from a CSV file beside the task file."""

    file: StrictStr
    where: dict[StrictStr, StrictStr] = {}
    top: StrictInt | None = None


class TargetBlock(_Strict):
    """Where the outcomes and their probabilities come from: exactly one source."""

    outcomes: list[Scalar | OutcomeEntry] | None = None
    range: RangeSource | None = None
    csv: CsvSource | None = None
    counts: dict[Scalar, float] | None = None
    uniform: bool = False
    aliases: dict[StrictStr, list[StrictStr]] = {}
    ordered: bool = False
    listed_mass: float | None = None
    total_weight: Positive | None = None

    @model_validator(mode="after")
    def _one_source(self) -> TargetBlock:
        sources = ("outcomes", "range", "csv", "counts")
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of outcomes, range, csv or counts, not "
                f"{' and '.join(given) or 'none'}"
            )
        if self.listed_mass is not None and self.total_weight is not None:
            raise ValueError("give listed_mass or total_weight, not both")
        return self


class PromptEntry(_Strict):
    """One wording of the request."""

    id: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    text: Annotated[StrictStr, Field(min_length=1)]
    prefix: StrictStr = ""


class Provenance(_Strict):
    """Who published the data, and what its licence asks for."""

    source: StrictStr
    licence: StrictStr
    url: StrictStr = ""
    rule: StrictStr = ""
    attribution: StrictStr = ""


class DistributionBlock(_Strict):
    """All of a task that DiffBench adds to lm-evaluation-harness's own keys."""

    family: FamilyName
    title: StrictStr
    reference: Literal["uniform", "natural", "human", "theoretical"] = "uniform"
    target: TargetBlock
    accept: list[Variant] = []
    prompts: dict[Literal["train", "held_out"], list[PromptEntry]]
    provenance: Provenance | None = None

    @model_validator(mode="after")
    def _prompts_are_usable(self) -> DistributionBlock:
        _check_prompts(self.prompts.values())
        return self


class InstructedBlock(_Strict):
    """A family of targets that the prompts state, drawn from a seed."""

    generator: InstructedFamily
    family: FamilyName
    seed: Annotated[StrictInt, Field(ge=0)]
    settings: dict[Literal["train", "held_out"], Annotated[StrictInt, Field(ge=1, le=26)]]
    accept: list[Variant] = []
    prompts: dict[Literal["train", "held_out"], list[PromptEntry]]

    @model_validator(mode="after")
    def _prompts_are_usable(self) -> InstructedBlock:
        _check_prompts(self.prompts.values())
        return self


def _check_prompts(wordings: Iterable[list[PromptEntry]]) -> None:
    ids = [prompt.id for entries in wordings for prompt in entries]
    if not ids:
        raise ValueError("prompts: list at least one under train or held_out")
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        raise ValueError(f"prompts: the id {repeated[0]!r} is used twice")
