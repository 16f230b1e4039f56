"""Numbers and words as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diffbench.compare import MetricVerdict, Verdict
from diffbench.compare.describe import WORDS
from diffbench.compare.verdict import overall_verdict
from diffbench.errors import printable
from diffbench.metrics import METRICS_BY_NAME, MetricValue
from diffbench.results import MetricEntry
from diffbench.site.runs import Run

__all__ = [
    "DASH",
    "GLYPHS",
    "SPLITS",
    "Cell",
    "Word",
    "digits_of",
    "direction_mark",
    "entry_cell",
    "family_title",
    "interval_text",
    "number",
    "parameters_text",
    "signed",
    "size_class",
    "tally",
    "word_of",
]

DASH = "—"
GLYPHS: dict[Verdict, str] = {
    "improved": "▲",
    "worse": "▼",
    "equivalent": "=",
    "unresolved": "?",
    "not_comparable": "∅",
}
SPLITS = {"all": "All wordings", "train": "Trained wordings", "held_out": "Held-out"}
_TWO_DIGITS = frozenset({"entropy_ratio", "kl", "kl_reverse_valid", "entropy"})
_DIRECTIONS = {
    "higher": "↑",
    "lower": "↓",
    "near_one": "→ 1",
    "near_target": "→ target",
    "none": "",
}
_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A number in a table.

    Attributes:
        text: As it is shown.
        sort: What it is sorted by; None comes last.
        note: Why there is none, or what more is to say.
    """

    text: str
    sort: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A verdict: a glyph, a word and a class, so that colour is never alone."""

    verdict: Verdict
    glyph: str
    text: str
    note: str = ""


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a real minus sign, or a dash."""
    if value is None:
        return DASH
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Return a number with its sign, or a dash."""
    if value is None:
        return DASH
    text = f"{value:+.{digits}f}"
    return ("0." + "0" * digits if float(text) == 0 else text).replace("-", "−")


def interval_text(interval: tuple[float, float] | None) -> str:
    """Return `[lo, hi]` with signs, or nothing."""
    if interval is None:
        return ""
    return f"[{signed(interval[0])}, {signed(interval[1])}]"


def digits_of(metric: str) -> int:
    """Return how many decimals a metric is shown with."""
    return 2 if metric in _TWO_DIGITS else 3


def direction_mark(metric: str) -> str:
    """Return an arrow for the values that are better."""
    return _DIRECTIONS[METRICS_BY_NAME[metric].direction]


def entry_cell(entry: MetricEntry | MetricValue, metric: str) -> Cell:
    """Return a metric's cell, with the reason where there is no value."""
    note = printable(entry.reason or "", 160)
    return Cell(text=number(entry.value, digits_of(metric)), sort=entry.value, note=note)


def word_of(verdict: Verdict, note: str = "") -> Word:
    """Return a verdict as it is shown."""
    return Word(verdict=verdict, glyph=GLYPHS[verdict], text=WORDS[verdict], note=note)


def tally(verdicts: Sequence[MetricVerdict]) -> str:
    """Count the words of several tasks: `24 improved, 1 worse`."""
    counts = [(sum(one.verdict == word for one in verdicts), word) for word in WORDS]
    return ", ".join(f"{n} {WORDS[word]}" for n, word in counts if n)


def overall_word(verdicts: Sequence[MetricVerdict]) -> Word:
    """Return the word for several tasks, with their tally."""
    words = {one.verdict for one in verdicts}
    note = tally(verdicts) if len(words) > 1 else ""
    return word_of(overall_verdict(verdicts), note)


def family_title(name: str) -> str:
    """Return a family's name for people."""
    text = printable(name.replace("_", " "), 60)
    return text[:1].upper() + text[1:]


def parameters_text(parameters: int | None) -> str:
    """Return a model's size in words."""
    if parameters is None:
        return "size unknown"
    for unit, name in ((_BILLION, "B"), (1_000_000, "M"), (1000, "k")):
        if parameters >= unit:
            return f"{parameters / unit:.3g}{name}"
    return str(parameters)


def size_class(run: Run) -> Literal["small", "medium", "large", "unknown"]:
    """Return which filter a model's size falls under: below 1B, to 10B, above."""
    parameters = run.result.model.parameters
    if parameters is None:
        return "unknown"
    if parameters < _BILLION:
        return "small"
    return "medium" if parameters <= 10 * _BILLION else "large"
