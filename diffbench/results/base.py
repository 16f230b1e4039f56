"""What every part of a results file is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from diffbench.results.compact import Compact

__all__ = [
    "Count",
    "Finite",
    "Interval",
    "MetricEntry",
    "Probability",
    "Record",
    "Sha256",
    "TargetRecord",
]

Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1 + 1e-6, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """A part of a file: unknown keys are refused, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(Record):
    """A confidence interval and how it was made."""

    lo: Finite
    hi: Finite
    level: Probability
    method: str


class MetricEntry(Record):
    """One value, or the reason why there is none."""

    value: Finite | None
    """Of the model itself: exact, or estimated so that it compares with exact values."""
    reason: str | None = None
    interval: Interval | None = None
    raw: Finite | None = None
    """Plug-in value of the replies' counts; null for exact values."""
    bias: Finite | None = None
    """Remaining bias of `value`, simulated at the estimate."""
    perfect: Finite | None = None
    """What `raw` would be, on average, for a perfect sampler at the same replies."""
    excess: Finite | None = None
    """`raw` minus `perfect`; shown, never ranked."""
    n: Count | None = None
    """Replies that the value rests on; null for exact values."""


class TargetRecord(Record):
    """The target distribution that a task's prompts share."""

    outcomes: list[str]
    probabilities: Annotated[list[Probability], Compact("float64")]
    aliases: Annotated[list[list[str]], Compact("json")]
    values: Annotated[list[Finite], Compact("float64")] | None
    listed_mass: Probability
    sha256: Sha256
