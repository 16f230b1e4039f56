"""Where outcomes come from: integer ranges and CSV tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from diffbench.errors import TargetError, printable
from diffbench.targets.target import Outcome

__all__ = ["range_outcomes", "read_csv_outcomes"]

_ALIAS_SEPARATOR = "|"
_MOST_IN_RANGE = 100_000


def range_outcomes(first: int, last: int, step: int = 1) -> list[Outcome]:
    """Return the integers first, first + step, … up to and including last.

    Raises:
        TargetError: If the range is empty or the step is not positive.
    """
    if step < 1 or last < first:
        raise TargetError(
            f"the range from {first} to {last} by {step} is empty; write first <= last "
            "and a step of at least 1"
        )
    if (last - first) // step >= _MOST_IN_RANGE:
        raise TargetError(
            f"the range from {first} to {last} by {step} has more than "
            f"{_MOST_IN_RANGE:,} outcomes; name a smaller one"
        )
    return [
        Outcome(text=str(number), value=float(number))
        for number in range(first, last + 1, step)
    ]


def read_csv_outcomes(
    path: Path, *, where: Mapping[str, str] | None = None, top: int | None = None
) -> list[Outcome]:
    """Read a UTF-8 table with the column `outcome` and perhaps others.

    Columns: `weight` (number; 1 where the column is absent), `aliases` (separated by
    `|`), `value` (number). Rows keep their order in the file.

    Args:
        path: The CSV file.
        where: Keep only rows whose columns hold exactly these texts.
        top: Keep the `top` rows of largest weight (ties in file order).

    Raises:
        TargetError: Names the file, the line and the column at fault.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            columns = reader.fieldnames or []
            _require_columns(path, columns, {"outcome", *(where or {})})
            outcomes = [
                _outcome(path, reader.line_num, row)
                for row in reader
                if _fits(path, reader.line_num, row)
                and all(row[key] == text for key, text in (where or {}).items())
            ]
    except FileNotFoundError:
        raise TargetError(f"{path}: there is no such file") from None
    except OSError as error:
        raise TargetError(f"{path}: cannot be read ({error.strerror})") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: not a UTF-8 CSV table ({error})") from None
    if top is None:
        return outcomes
    if not 1 <= top <= len(outcomes):
        raise TargetError(
            f"{path}: top is {top}, but {len(outcomes)} rows are there to choose from"
        )
    heaviest = sorted(range(len(outcomes)), key=lambda i: (-outcomes[i].weight, i))
    return [outcomes[i] for i in heaviest[:top]]


def _require_columns(path: Path, columns: list[str] | object, needed: set[str]) -> None:
    present = list(columns) if isinstance(columns, list) else []
    missing = sorted(needed - set(present))
    if missing:
        raise TargetError(
            f"{path}: column {missing[0]!r} is missing; the header has "
            f"{', '.join(printable(name) for name in present) or 'nothing'}"
        )
    repeated = sorted(name for name in set(present) if present.count(name) > 1)
    if repeated:
        raise TargetError(f"{path}: column {printable(repeated[0])!r} stands twice")


def _fits(path: Path, line: int, row: Mapping[str, str | None]) -> bool:
    if None in row.values() or None in row:
        raise TargetError(f"{path}, line {line}: the row does not fit the header")
    return True


def _outcome(path: Path, line: int, row: Mapping[str, str | None]) -> Outcome:
    aliases = row.get("aliases") or ""
    return Outcome(
        text=row["outcome"] or "",
        weight=_weight(path, line, row) if "weight" in row else 1.0,
        aliases=tuple(part for part in aliases.split(_ALIAS_SEPARATOR) if part),
        value=_number(path, line, row, "value") if row.get("value") else None,
    )


def _weight(path: Path, line: int, row: Mapping[str, str | None]) -> float:
    weight = _number(path, line, row, "weight")
    if not math.isfinite(weight) or weight < 0:
        raise TargetError(
            f"{path}, line {line}: weight is {weight}; weights are finite numbers, zero "
            "or more"
        )
    return weight


def _number(path: Path, line: int, row: Mapping[str, str | None], key: str) -> float:
    text = row[key] or ""
    try:
        return float(text)
    except ValueError:
        raise TargetError(
            f"{path}, line {line}: {key} is {printable(text)!r}, not a number"
        ) from None
