"""Made-up people by a known law, as replies of a scripted model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

__all__ = ["FIRST_NAMES", "PersonLM", "person", "render"]

FIRST_NAMES = ("James", "Mary", "Ines", "Kofi", "Mei")
_PLACES = ("Lagos, Nigeria", "Bergen, Norway", "Boston, Massachusetts, USA", "Singapore")
_MONTHS = ("March", "June", "December")
_PROFESSIONS = ("Poet", "Glaciologist")


def render(fields: Sequence[str]) -> str:
    """Write fields as a well-formed reply has them."""
    return "\n".join("{" + field + "}" for field in fields)


def person(rng: np.random.Generator) -> str:
    """Draw a person: five first names, four places, three months, all alike."""
    gender = ("Female", "Male", "Non-binary")[rng.integers(3)]
    return render(
        [
            f"{FIRST_NAMES[rng.integers(5)]} Stone",
            gender,
            f"{_MONTHS[rng.integers(3)]} {rng.integers(1, 29)}, {rng.integers(1950, 1960)}",
            _PLACES[rng.integers(4)],
            _PROFESSIONS[rng.integers(2)],
            f"Measured {rng.integers(40)} lakes of the north for {rng.integers(9)} years",
        ]
    )


class PersonLM(LM):  # type: ignore[misc]
    """Answers every request by a rule, one reply after another."""

    protocol = "exact"
    has_order = True
    uses_chat_template = False

    def __init__(
        self, reply: Callable[[np.random.Generator], str] = person, seed: int = 0
    ) -> None:
        super().__init__()
        self._reply = reply
        self._rng = np.random.default_rng(seed)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        raise NotImplementedError

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> Any:
        raise NotImplementedError

    def generate_until(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[str]:
        return [self._reply(self._rng) for _ in requests]

    def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
        raise NotImplementedError
