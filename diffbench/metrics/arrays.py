"""What the metrics need to know of a target, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from diffbench.metrics.checks import (
    FloatArray,
    as_distribution,
    as_values,
    check_listed_mass,
)

__all__ = ["TargetArrays"]


# Without eq: comparing arrays gives an array, which has no truth value.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetArrays:
    """A target distribution over K listed outcomes, checked when it is made.

    Attributes:
        p: Shape (K,), probabilities of the listed outcomes, summing to 1.
        values: Shape (K,), number or position of each outcome; None if unordered.
        listed_mass: In (0, 1], how much the true target gives the listed outcomes.

    Raises:
        ValueError: If any of them is refused, or the sizes differ.
    """

    p: FloatArray
    values: FloatArray | None = None
    listed_mass: float = 1.0

    def __post_init__(self) -> None:
        """Check the arrays and keep own copies of them."""
        check_listed_mass(self.listed_mass)
        object.__setattr__(self, "p", as_distribution(self.p))
        if self.values is not None:
            values = as_values(self.values, size=self.p.size)
            object.__setattr__(self, "values", values)

    @property
    def whole(self) -> bool:
        """Whether the listed outcomes are all there are."""
        return self.listed_mass == 1.0
