"""One target distribution, checked once when it is made.

A target lists outcomes with weights. It may list only part of its support (200 of
99,414 first names); `listed_mass` then says how much of the true probability the
listed outcomes hold. An unlisted tail is never an outcome.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from diffbench.errors import TargetError, printable

__all__ = ["Outcome", "Target", "make_target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing that may be drawn, as a task file or a data file states it."""

    text: str
    weight: float = 1.0
    aliases: tuple[str, ...] = ()
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A finite distribution over named outcomes.

    Attributes:
        outcomes: K names in NFC, all different, in the order of every array.
        probabilities: K values that sum to 1 over the listed outcomes.
        aliases: For each outcome, the other names that mean the same.
        values: K numbers (or positions) where the outcomes have an order.
        listed_mass: True probability of the listed outcomes together, in (0, 1].
    """

    outcomes: tuple[str, ...]
    probabilities: tuple[float, ...]
    aliases: tuple[tuple[str, ...], ...]
    values: tuple[float, ...] | None = None
    listed_mass: float = 1.0

    @property
    def size(self) -> int:
        """Number of listed outcomes, K."""
        return len(self.outcomes)

    @property
    def entropy_nats(self) -> float:
        """Shannon entropy of the listed distribution, in nats, 0 to ln K."""
        return -math.fsum(p * math.log(p) for p in self.probabilities if p > 0)

    @property
    def sha256(self) -> str:
        """Hash of everything that can change a metric, in a stable spelling."""
        content = json.dumps(
            {
                "outcomes": self.outcomes,
                "probabilities": [p.hex() for p in self.probabilities],
                "aliases": self.aliases,
                "values": None if self.values is None else [v.hex() for v in self.values],
                "listed_mass": self.listed_mass.hex(),
            },
            ensure_ascii=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(content.encode()).hexdigest()


def make_target(
    outcomes: Sequence[Outcome], *, listed_mass: float = 1.0, uniform: bool = False
) -> Target:
    """Check outcomes and weights, and normalise them to a target.

    Args:
        outcomes: At least two; weights in any common unit, not negative.
        listed_mass: Share of the true probability that is listed, in (0, 1].
        uniform: Ignore the weights and give every outcome the same probability.

    Raises:
        TargetError: For fewer than two outcomes, a repeated or empty one, braces or control
            characters in one, weights that are negative, not finite or all zero, or
            values given for only some outcomes.
    """
    if len(outcomes) < 2:
        raise TargetError(
            f"the target has {len(outcomes)} outcomes; a distribution needs at least two"
        )
    names = tuple(_clean_name(outcome.text, "outcome") for outcome in outcomes)
    _refuse_repeats(names)
    weights = [1.0 if uniform else outcome.weight for outcome in outcomes]
    probabilities = _normalise(names, weights)
    if not 0 < listed_mass <= 1:
        raise TargetError(f"listed_mass is {listed_mass}; it must lie in (0, 1]")
    return Target(
        outcomes=names,
        probabilities=probabilities,
        aliases=tuple(
            tuple(_clean_name(alias, "alias") for alias in outcome.aliases)
            for outcome in outcomes
        ),
        values=_values(names, outcomes),
        listed_mass=float(listed_mass),
    )


def _clean_name(text: str, what: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not name.strip():
        raise TargetError(f"{what} {text!r} is empty; give it a visible name")
    if name != name.strip():
        raise TargetError(f"{what} {name!r} begins or ends with a blank; remove it")
    if "{" in name or "}" in name:
        raise TargetError(
            f"{what} {printable(name)!r} contains a brace; braces mark where an answer "
            "begins and ends, so write it without them"
        )
    if not name.isprintable():
        raise TargetError(
            f"{what} {printable(name)!r} contains a control character; remove it"
        )
    return name


def _refuse_repeats(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TargetError(f"outcome {printable(name)!r} is listed twice")
        seen.add(name)


def _normalise(names: Sequence[str], weights: Sequence[float]) -> tuple[float, ...]:
    for name, weight in zip(names, weights, strict=True):
        if not math.isfinite(weight) or weight < 0:
            raise TargetError(
                f"the weight of outcome {printable(name)!r} is {weight}; weights are "
                "finite numbers, zero or more"
            )
    try:
        total = math.fsum(weights)
    except OverflowError:
        raise TargetError(
            f"the weights, up to {max(weights)}, are too large to add up; state them in a "
            "larger unit"
        ) from None
    if total <= 0:
        raise TargetError("all weights are zero; at least one must be above zero")
    return tuple(weight / total for weight in weights)


def _values(names: Sequence[str], outcomes: Sequence[Outcome]) -> tuple[float, ...] | None:
    given = [outcome.value for outcome in outcomes if outcome.value is not None]
    if not given:
        return None
    if len(given) < len(outcomes):
        missing = next(
            name
            for name, outcome in zip(names, outcomes, strict=True)
            if outcome.value is None
        )
        raise TargetError(
            f"outcome {printable(missing)!r} has no value but others have; give every "
            "outcome a value or none"
        )
    if not all(math.isfinite(value) for value in given):
        raise TargetError("a value is not a finite number")
    return tuple(float(value) for value in given)
