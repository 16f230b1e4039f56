"""`diffbench-check.toml`: what is checked, how much is too much, what is accepted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from diffbench.compare import DEFAULT_ALPHA, DEFAULT_MARGIN, Better, natural_direction
from diffbench.errors import SettingsError, did_you_mean, printable
from diffbench.metrics import METRICS_BY_NAME, PRIMARY_METRIC

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["CONFIG_NAME", "Accepted", "CheckConfig", "Rule", "Tier", "read_config"]

CONFIG_NAME = "diffbench-check.toml"

Tier = Literal["blocking", "advisory"]
_Amount = Annotated[float, Field(ge=0, lt=1e6, allow_inf_nan=False, strict=False)]
_Text = Annotated[str, Field(min_length=1, max_length=500)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _known_metric(name: str) -> str:
    if name not in METRICS_BY_NAME:
        near = did_you_mean(name, METRICS_BY_NAME)
        raise ValueError(f"{printable(name)!r} is no metric.{near}")
    return name


class Rule(_Table):
    """How one metric of some tasks is judged; the last rule that fits a task counts."""

    task: _Text = "*"
    """A task's name, or a pattern with `*` and `?`."""
    metric: str = PRIMARY_METRIC
    direction: Better | None = None
    """Which values are better; by default as the metric is defined."""
    tolerance: _Amount | None = None
    """Damage that exact values may show; by default that of their precision."""
    margin: _Amount | None = None
    """Damage that values from replies may show."""
    prompt_tolerance: _Amount | None = None
    """Damage that any single prompt's exact value may show; by default not looked at."""
    tier: Tier = "blocking"
    required: bool = True
    reason: str | None = None
    """A note for people."""

    _metric = field_validator("metric")(_known_metric)

    def fits(self, task: str) -> bool:
        """Return whether the rule is about a task."""
        return fnmatchcase(task, self.task)

    @property
    def better(self) -> Better:
        """Which values are better, by the rule or else by the metric's definition."""
        found = self.direction or natural_direction(self.metric)
        if found is None:
            raise SettingsError(f"{self.metric} has no better side; state a direction")
        return found


class Accepted(_Table):
    """Damage that a person has looked at and accepts for a while."""

    task: _Text
    """The task's own name; no pattern."""
    metric: str = PRIMARY_METRIC
    at_most: Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False, strict=False)]
    """Largest damage that is accepted."""
    reason: _Text
    expires: date
    """Last day on which it counts."""

    _metric = field_validator("metric")(_known_metric)


class CheckConfig(_Table):
    """All of the file; an empty one checks the overlap of every task."""

    alpha: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = DEFAULT_ALPHA
    """Chance of a false alarm on replies among all blocking checks, at most."""
    margin: _Amount = DEFAULT_MARGIN
    tolerance: _Amount | None = None
    minimum_replies: Annotated[int, Field(ge=1)] = 50
    """Fewer replies to a prompt cannot be judged."""
    rules: tuple[Rule, ...] = Field(default=(), alias="rule")
    accepted: tuple[Accepted, ...] = ()

    @field_validator("rules", "accepted", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def rules_for(self, task: str) -> Sequence[Rule]:
        """Return one rule for each metric that is checked on a task."""
        chosen = {PRIMARY_METRIC: Rule()}
        for rule in self.rules:
            if rule.fits(task):
                chosen[rule.metric] = rule
        return list(chosen.values())

    def accepted_for(self, task: str, metric: str) -> Accepted | None:
        """Return what is accepted of one metric of one task."""
        fitting = [one for one in self.accepted if (one.task, one.metric) == (task, metric)]
        return fitting[-1] if fitting else None


def read_config(path: Path) -> CheckConfig:
    """Read and check a configuration file.

    Raises:
        SettingsError: If it is missing, malformed, or holds an unknown key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: no TOML ({printable(error)})") from None
    try:
        config = CheckConfig.model_validate(content)
    except ValidationError as error:
        raise SettingsError(f"{path}: {_first_problem(error)}") from None
    _check_directions(path, config)
    return config


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = printable(".".join(str(part) for part in first["loc"]) or "the file")
    if first["type"] == "extra_forbidden":
        tables: dict[str, type[_Table]] = {"rule": Rule, "accepted": Accepted}
        table = tables.get(str(first["loc"][0]), CheckConfig)
        known = [field.alias or name for name, field in table.model_fields.items()]
        return (
            f"{where} is no key of this table.{did_you_mean(str(first['loc'][-1]), known)} "
            f"Write one of {', '.join(known)}"
        )
    return f"{where}: {printable(first['msg'])}"


def _check_directions(path: Path, config: CheckConfig) -> None:
    """Refuse a direction against the metric's own: it would praise what got worse."""
    for number, rule in enumerate(config.rules, start=1):
        natural = natural_direction(rule.metric)
        if natural in ("higher", "lower") and rule.direction not in (None, natural):
            raise SettingsError(
                f"{path}: rule {number} says direction {rule.direction}, but "
                f"{rule.metric} is better when {natural}; leave direction out"
            )
