"""Every metric of every task as a table, a row each, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from diffbench.export.source import Source
from diffbench.metrics import METRICS
from diffbench.results import MetricEntry, RunResult

__all__ = ["csv_table", "guard"]

# Spreadsheets take a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_table(result: RunResult, source: Source) -> str:
    """Return RFC 4180 CSV; text that could be a formula begins with an apostrophe."""
    table = pd.DataFrame(list(_rows(result)))
    return str(table.to_csv(index=False, lineterminator="\r\n"))


def guard(text: str) -> str:
    """Return text that no spreadsheet computes."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _rows(result: RunResult) -> Iterator[dict[str, str | float | int | None]]:
    for task in result.tasks:
        names = {
            "model": result.model.id,
            "task": task.name,
            "title": task.title,
            "family": task.family,
            "split": task.split,
            "reference": task.reference,
            "version": task.version,
            "estimator": task.estimator,
        }
        guarded = {name: guard(text) for name, text in names.items()}
        for metric in METRICS:
            unit = {"metric": metric.name, "unit": metric.unit}
            yield {**guarded, **unit, **_numbers(task.metrics[metric.name])}
    for open_ended in result.biographies:
        names = {
            "model": result.model.id,
            "task": open_ended.name,
            "title": open_ended.title,
            "family": open_ended.family,
            "split": open_ended.split,
            "reference": "",
            "version": open_ended.version,
            "estimator": "sampled",
        }
        guarded = {name: guard(text) for name, text in names.items()}
        for name, entry in open_ended.metrics.items():
            yield {**guarded, "metric": guard(name), "unit": "", **_numbers(entry)}
    levels = (*result.families, result.overall) if result.tasks else ()
    for level in levels:
        whole = level is result.overall
        names = {
            "model": guard(result.model.id),
            "task": "overall" if whole else "family mean",
            "title": "",
            "family": "" if whole else guard(level.name),
        }
        for metric in METRICS:
            unit = {"metric": metric.name, "unit": metric.unit}
            yield {**names, **unit, **_numbers(level.metrics[metric.name])}


def _numbers(entry: MetricEntry) -> dict[str, str | float | int | None]:
    interval = entry.interval
    return {
        "value": entry.value,
        "lo": None if interval is None else interval.lo,
        "hi": None if interval is None else interval.hi,
        "level": None if interval is None else interval.level,
        "replies": entry.n,
        "reason": guard(entry.reason or ""),
    }
