"""Who exports a result, and where it is to be found: what the result does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from diffbench.errors import SettingsError

__all__ = ["Relationship", "Source"]

Relationship: TypeAlias = Literal["first_party", "third_party", "collaborative", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a result comes from.

    Attributes:
        organization: Who measured.
        relationship: Who that is to the model's makers.
        dataset_id: Hub dataset that stands for the benchmark.
        url: Where the result can be read, https only.
    """

    organization: str = "unknown"
    relationship: Relationship = "other"
    dataset_id: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        """Refuse links that a browser would run."""
        if self.url is not None and not self.url.startswith("https://"):
            raise SettingsError(f"the url is {self.url!r}; it must begin with https://")
