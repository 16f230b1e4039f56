"""How far exact values of the same model may lie apart through arithmetic alone."""

from __future__ import annotations

from diffbench.compare.measurement import Measurement

__all__ = ["numeric_tolerance"]

_SAME_BUILD = 1e-5
_OTHER_BUILD = 1e-4
_HALF_PRECISION = 5e-3
_FULL_PRECISION = ("float32", "float64")
_ARITHMETIC = ("torch", "transformers", "peft", "numpy")


def numeric_tolerance(before: Measurement, after: Measurement) -> float:
    """Return the tolerance of the coarser numeric profile of two measurements.

    1e-5 in full precision on the same machine with the same libraries, 1e-4 on another,
    5e-3 in half precision or where the precision is not known. It holds for the
    absolute change, and for the relative one of values above 1.
    """
    if any(one.model.dtype not in _FULL_PRECISION for one in (before, after)):
        return _HALF_PRECISION
    same = before.hardware == after.hardware and all(
        before.packages.get(name) == after.packages.get(name) for name in _ARITHMETIC
    )
    return _SAME_BUILD if same else _OTHER_BUILD
