"""One choice of a family's parameters: the target and how a prompt may state it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diffbench.targets import Outcome

__all__ = ["Draw", "Key", "Setting", "Telling"]

Key = tuple[int, ...]
"""Parameters as whole numbers, the same for settings that mirror one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One way to state a setting: what the `$` names of a wording stand for.

    Attributes:
        id: Ends the prompt's id; empty for the first.
        phrases: Text by placeholder.
        listed: Outcomes in the order in which the phrases list them; None where the
            outcomes are not listed.
    """

    id: str
    phrases: Mapping[str, str]
    listed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A target distribution and the ways to state it.

    Attributes:
        title: A few words.
        outcomes: With exact probabilities as weights.
        listed_mass: What the outcomes hold; below 1 where an infinite support was cut.
        tellings: One, or one an order of the options.
    """

    title: str
    outcomes: tuple[Outcome, ...]
    tellings: tuple[Telling, ...]
    listed_mass: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What a family draws at once: one setting, or two that mirror one another.

    Attributes:
        key: Decides whether these parameters are trained or held out.
    """

    key: Key
    settings: tuple[Setting, ...]
