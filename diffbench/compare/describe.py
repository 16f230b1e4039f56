"""A verdict in words, the same in every output."""

from __future__ import annotations

from diffbench.compare.verdict import MetricVerdict
from diffbench.errors import printable

__all__ = ["WORDS", "change_text", "describe", "value_text", "what_settles"]

WORDS = {
    "improved": "improved",
    "worse": "worse",
    "equivalent": "equivalent",
    "unresolved": "unresolved",
    "not_comparable": "not comparable",
}


def describe(verdict: MetricVerdict) -> str:
    """Return one line: what is known, against what, and what would settle the rest."""
    if verdict.verdict == "not_comparable":
        return printable(verdict.reason or "no reason known", 300)
    parts = [f"{_values(verdict)}, {change_text(verdict)}; allowed {_allowed(verdict)}"]
    if verdict.verdict == "unresolved" and not verdict.not_worse:
        parts.append(what_settles(verdict))
    elif verdict.verdict != "worse" and verdict.smallest_difference is not None:
        parts.append(f"would have seen a loss of {verdict.smallest_difference:.3f}")
    return "; ".join(parts)


def what_settles(verdict: MetricVerdict) -> str:
    """Return what an unresolved comparison could have seen, and what would settle it."""
    parts = []
    if verdict.smallest_difference is not None:
        parts.append(f"would have seen a loss of {verdict.smallest_difference:.3f}")
    if verdict.replies_needed is None:
        parts.append("no number of replies up to ten million is sure to settle it")
    else:
        needed = _rounded(verdict.replies_needed)
        parts.append(f"about {needed:,} replies a prompt would settle it")
    return "; ".join(parts)


def change_text(verdict: MetricVerdict) -> str:
    """Return the gain with its interval, `-0.031 [-0.052, -0.010]`, or a dash."""
    if verdict.gain is None:
        return "—"
    if verdict.interval is None:
        return f"{verdict.gain:+.{_digits(verdict)}f}"
    interval = verdict.interval
    return f"{verdict.gain:+.3f} [{interval.lo:+.3f}, {interval.hi:+.3f}]"


def value_text(value: float | None) -> str:
    """Return a value as tables show it."""
    return "—" if value is None else f"{value:.3f}"


def _digits(verdict: MetricVerdict) -> int:
    """Return enough decimals to see an exact change that is more than is allowed."""
    return 3 if verdict.allowed is None or verdict.allowed >= 5e-3 else 6


def _values(verdict: MetricVerdict) -> str:
    if verdict.before is None or verdict.after is None:
        return "no value"
    digits = 3 if verdict.interval is not None else _digits(verdict)
    return f"{verdict.before:.{digits}f} → {verdict.after:.{digits}f}"


def _allowed(verdict: MetricVerdict) -> str:
    return "unknown" if verdict.allowed is None else f"{verdict.allowed:g}"


def _rounded(n: int) -> int:
    """Round up to two digits: the number is an estimate."""
    unit = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // unit) * unit
