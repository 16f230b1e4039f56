"""Biographies as the pages show them: base and tuned side by side."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from diffbench.answers import VALUE_FIELDS, value_key
from diffbench.errors import printable
from diffbench.results import DISTINCT_DRAWS, BiographyResult, MetricEntry
from diffbench.site.bases import base_of
from diffbench.site.display import DASH, number
from diffbench.site.places import Point, map_points
from diffbench.site.runs import Run

__all__ = ["Column", "Panel", "Value", "ValueRow", "make_panels"]

_SHOWN_VALUES = 12
_MOST_RADIUS = 5.0
_SETTINGS = ("temperature", "top_p", "top_k", "min_p", "limit", "thinking")
_Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number with its interval and its multiple of the base's."""

    text: str
    interval: str
    ratio: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """One value of every column."""

    title: str
    unit: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One run's biographies.

    Attributes:
        run: The run.
        task: What it measured.
        common: For each field, its commonest values with their replies.
        points: Places of birth on the map, and the radius of each.
        n_places: Replies that have a place.
        n_mapped: Those of them that the map shows.
        malformed: Replies of each kind that are no sketch.
    """

    run: Run
    task: BiographyResult
    common: Sequence[tuple[str, Sequence[tuple[str, int]], int]]
    points: Sequence[tuple[Point, float]]
    n_places: int
    n_mapped: int
    malformed: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A run of a base model and its tuned versions that were asked the same."""

    anchor: str
    model: str
    title: str
    name: str
    columns: Sequence[Column]
    rows: Sequence[ValueRow]


def make_panels(runs: Sequence[Run]) -> list[Panel]:
    """Return a panel for each base's run and biography task."""
    groups: dict[_Key, list[tuple[Run, BiographyResult]]] = {}
    for run in runs:
        base = base_of(run, runs) if run.role == "tuned" else run
        for task in run.result.biographies:
            groups.setdefault(_key(run, base, task), []).append((run, task))
    return [_panel(key, groups[key]) for key in sorted(groups)]


def _key(run: Run, base: Run | None, task: BiographyResult) -> _Key:
    """Name what has to be equal for two values to stand side by side."""
    model, settings = run.result.model, run.result.settings
    prompts = " ".join(prompt.prompt_sha256 for prompt in task.prompts)
    references = " ".join(one.target.sha256 for one in task.references.values())
    how = [str(getattr(settings, name)) for name in _SETTINGS]
    asked = (task.name, task.version, str(task.max_new_tokens), prompts, references)
    slug = "" if base is None else base.slug
    return (model.parent or model.id, slug, *asked, *how, run.draws)


def _panel(key: _Key, members: Sequence[tuple[Run, BiographyResult]]) -> Panel:
    ordered = sorted(members, key=lambda one: (one[0].role == "tuned", one[0].slug))
    columns = [_column(run, task) for run, task in ordered]
    base = columns[0].task if columns[0].run.role == "base" else None
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:8]
    return Panel(
        anchor=f"people-{digest}",
        model=printable(key[0], 120),
        title=printable(columns[0].task.title, 120),
        name=printable(columns[0].task.name, 120),
        columns=columns,
        rows=_rows([column.task for column in columns], base),
    )


def _column(run: Run, task: BiographyResult) -> Column:
    counts = {field: _pooled(task, field) for field in VALUE_FIELDS}
    points = map_points(task, counts["place"])
    largest = max((point.n for point in points), default=1)
    malformed: Counter[str] = Counter()
    for prompt in task.prompts:
        malformed.update(prompt.malformed)
    return Column(
        run=run,
        task=task,
        common=[_common(field, counts[field]) for field in VALUE_FIELDS],
        points=[
            (point, round(max(1.0, _MOST_RADIUS * math.sqrt(point.n / largest)), 2))
            for point in points
        ],
        n_places=counts["place"].total(),
        n_mapped=sum(point.n for point in points),
        malformed=[
            (printable(kind.replace("_", " "), 60), n)
            for kind, n in malformed.most_common()
        ],
    )


def _pooled(task: BiographyResult, field: str) -> Counter[str]:
    """Count a field's values over all prompts; spellings of one value are one."""
    spellings: dict[str, Counter[str]] = {}
    for prompt in task.prompts:
        found = prompt.fields.get(field)
        if found is not None:
            for value, n in zip(found.values, found.counts, strict=True):
                spellings.setdefault(value_key(value), Counter())[value] += n
    counts: Counter[str] = Counter()
    for same in spellings.values():
        commonest = min(same, key=lambda value: (-same[value], value))
        counts[commonest] = same.total()
    return counts


def _common(field: str, counts: Counter[str]) -> tuple[str, Sequence[tuple[str, int]], int]:
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [(printable(value, 60), n) for value, n in listed[:_SHOWN_VALUES]]
    return field.replace("_", " "), shown, max(0, len(listed) - _SHOWN_VALUES)


def _rows(tasks: Sequence[BiographyResult], base: BiographyResult | None) -> list[ValueRow]:
    wanted = [
        (f"{field}.distinct_100", field.replace("_", " "), f"distinct in {DISTINCT_DRAWS}")
        for field in VALUE_FIELDS
    ]
    wanted += [
        ("achievement.unigram_diversity", "words of achievements", "unigram diversity"),
        ("whole.unigram_diversity", "words of all fields", "unigram diversity"),
        ("well_formed", "well-formed replies", "share"),
    ]
    return [
        ValueRow(
            title=title,
            unit=unit,
            values=[
                _value(task.metrics.get(name), _base(base, task, name)) for task in tasks
            ],
        )
        for name, title, unit in wanted
    ]


def _base(
    base: BiographyResult | None, task: BiographyResult, name: str
) -> MetricEntry | None:
    return None if base is None or base is task else base.metrics.get(name)


def _value(entry: MetricEntry | None, base: MetricEntry | None) -> Value:
    if entry is None or entry.value is None:
        reason = "" if entry is None else printable(entry.reason or "", 160)
        return Value(text=DASH, interval="", ratio="", note=reason)
    digits = 1 if entry.value > 1 else 3
    interval = ""
    if entry.interval is not None:
        ends = (entry.interval.lo, entry.interval.hi)
        interval = "–".join(number(end, digits) for end in ends)
    ratio = ""
    if base is not None and base.value:
        ratio = f"×{entry.value / base.value:.2f}"
    text = number(entry.value, digits)
    return Value(text=text, interval=interval, ratio=ratio, note="")
