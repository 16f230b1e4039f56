"""Where stored metrics differ from the same ones computed again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from diffbench.results.base import Interval, MetricEntry

__all__ = ["agree", "metric_differences"]

# Room for another platform's log and exp; a wrong number is never this near.
_RELATIVE = 1e-9
_ABSOLUTE = 1e-12


def metric_differences(
    where: str,
    stored: Mapping[str, MetricEntry],
    computed: Mapping[str, MetricEntry],
) -> Iterator[str]:
    """Yield one sentence for each metric that is not what it is when computed again."""
    for name in dict.fromkeys([*stored, *computed]):
        if name not in stored or name not in computed:
            yield f"{where}: {name} is {'missing' if name not in stored else 'unknown'}"
            continue
        old, new = stored[name], computed[name]
        if not agree(old.value, new.value):
            yield (
                f"{where}: {name} is {old.value} in the file but {new.value} when "
                "computed again"
            )
        elif not _same_interval(old.interval, new.interval):
            yield f"{where}: {name} has an interval that does not follow from the file"
        elif part := _other_part(old, new):
            yield (
                f"{where}: {name} has {part} {getattr(old, part)} in the file but "
                f"{getattr(new, part)} when computed again"
            )
        elif old.n != new.n:
            yield (
                f"{where}: {name} rests on {old.n} replies in the file but on {new.n} "
                "when computed again"
            )


def _other_part(stored: MetricEntry, computed: MetricEntry) -> str | None:
    for part in ("raw", "bias", "perfect", "excess"):
        if not agree(getattr(stored, part), getattr(computed, part)):
            return part
    return None


def _same_interval(stored: Interval | None, computed: Interval | None) -> bool:
    if stored is None or computed is None:
        return stored is computed
    return (
        agree(stored.lo, computed.lo)
        and agree(stored.hi, computed.hi)
        and (stored.level, stored.method) == (computed.level, computed.method)
    )


def agree(stored: float | None, computed: float | None) -> bool:
    """Whether two numbers are the same but for rounding, or both absent."""
    if stored is None or computed is None:
        return stored is computed
    return math.isclose(stored, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
