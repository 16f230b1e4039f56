"""Biography tasks as tables for people: a row a field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffbench.answers import VALUE_FIELDS
from diffbench.errors import printable
from diffbench.results import (
    DISTINCT_DRAWS,
    DIVERSITY_WORDS,
    BiographyResult,
    MetricEntry,
    RunResult,
)

__all__ = ["print_biographies"]

_COLUMNS = (
    (f"distinct\nin {DISTINCT_DRAWS}", 9),
    ("95 %\ninterval", 11),
    ("entropy\nnats", 8),
    ("read\n0…1 ↑", 6),
    ("overlap\nwith real", 10),
)
_LONGEST_VALUE = 34


def print_biographies(console: Console, results: Sequence[RunResult]) -> None:
    """Print each biography task; of several runs each with its temperature."""
    if not results[0].biographies:
        return
    for result in results:
        for task in result.biographies:
            at = (
                f", temperature {result.settings.temperature:g}" if len(results) > 1 else ""
            )
            console.print()
            console.print(
                Text(f"{printable(task.title)} ({printable(task.name)}{at})", style="bold")
            )
            console.print(_table(task))
            console.print(Text(_texts(task)))
    console.print(Text(_notes(results[0].biographies), style="dim"))


def _table(task: BiographyResult) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("\nfield", no_wrap=True, width=12)
    for header, width in _COLUMNS:
        table.add_column(header, justify="right", no_wrap=True, width=width)
    table.add_column("\ncommonest", overflow="ellipsis", no_wrap=True)
    for field in VALUE_FIELDS:
        metrics = {
            name.removeprefix(f"{field}."): entry for name, entry in task.metrics.items()
        }
        table.add_row(
            f" {field.replace('_', ' ')}",
            _number(metrics["distinct_100"].value, 1),
            _interval(metrics["distinct_100"]),
            _number(metrics["entropy"].value, 2),
            _number(metrics["readable"].value, 3),
            _number(metrics["overlap"].value, 3) if "overlap" in metrics else "",
            Text(_commonest(task, field)),
        )
    return table


def _commonest(task: BiographyResult, field: str) -> str:
    counts: Counter[str] = Counter()
    for prompt in task.prompts:
        found = prompt.fields[field]
        counts.update(dict(zip(found.values, found.counts, strict=True)))
    if not counts:
        return "—"
    value, n = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"{n / counts.total():.0%} {printable(value, _LONGEST_VALUE)}"


def _texts(task: BiographyResult) -> str:
    formed = task.metrics["well_formed"]
    lines = [
        f" well-formed replies {_number(formed.value, 3)} ({_interval(formed, 3)}) of "
        f"{task.samples} a prompt{_malformed(task)}"
    ]
    for name, title in (("achievement", "achievements"), ("whole", "whole replies")):
        diversity, one, two = (
            _number(task.metrics[f"{name}.{metric}"].value, 3)
            for metric in ("unigram_diversity", "distinct_1", "distinct_2")
        )
        lines.append(
            f" {title}: unigram diversity {diversity}, distinct-1 {one}, distinct-2 {two}"
        )
    return "\n".join(lines)


def _malformed(task: BiographyResult) -> str:
    kinds: Counter[str] = Counter()
    for prompt in task.prompts:
        kinds.update(prompt.malformed)
    if not kinds:
        return ""
    n = sum(sum(prompt.counts) for prompt in task.prompts)
    listed = (
        f"{printable(kind).replace('_', ' ')} {count / n:.1%}"
        for kind, count in kinds.most_common()
    )
    return f"; malformed: {', '.join(listed)}"


def _notes(tasks: Sequence[BiographyResult]) -> str:
    notes = [
        f"“distinct in {DISTINCT_DRAWS}” is the expected number of distinct values in "
        f"{DISTINCT_DRAWS} replies, malformed ones included, which show none. Entropy is "
        "that of Chao and Shen; “read” is the share of all replies that have the value. "
        "Unigram diversity is the expected share of distinct words among "
        f"{DIVERSITY_WORDS}; distinct-n falls as replies are added. How diverse people "
        "should be is not known: only well-formedness has a better side."
    ]
    titles = {
        f"{field.replace('_', ' ')}: {printable(one.title)}"
        for task in tasks
        for field, one in task.references.items()
    }
    if titles:
        notes.append(
            f"Real distributions that nobody asked for ({'; '.join(sorted(titles))}): the "
            "overlap describes, and is no score."
        )
    reasons = {
        printable(entry.reason)
        for task in tasks
        for prompt in task.prompts
        for entry in prompt.metrics.values()
        if entry.value is None and entry.reason
    }
    if reasons:
        shown = sorted(reasons)
        more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
        notes.append(f"— means no value: {'; '.join(shown[:3])}{more}")
    return "\n".join(notes)


def _interval(entry: MetricEntry, digits: int = 1) -> str:
    if entry.interval is None:
        return "—"
    return f"{entry.interval.lo:.{digits}f}–{entry.interval.hi:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:.{digits}f}"
