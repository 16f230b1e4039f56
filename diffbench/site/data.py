"""What the site offers beside its pages: tables for people, data for its own scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from diffbench.export.csv_table import guard
from diffbench.metrics import METRICS
from diffbench.results import TaskResult
from diffbench.site.distribution import distribution_of, target_of
from diffbench.site.render import dump_json, rounded
from diffbench.site.runs import Question, Run

__all__ = ["run_script", "runs_csv", "runs_json", "target_scripts"]

_Row = dict[str, Any]
# What does not keep exact values from standing beside those from replies.
_OF_REPLIES = ("values", "draws")


def runs_csv(runs: Sequence[Run]) -> bytes:
    """Return a row for each run and task: RFC 4180, safe to open in a spreadsheet."""
    table = io.StringIO()
    rows = list(_rows(runs))
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _csv_value(value) for key, value in row.items()})
    return table.getvalue().encode()


def runs_json(runs: Sequence[Run]) -> bytes:
    """Return the same rows as JSON; a missing value is null."""
    return dump_json(list(_rows(runs))).encode() + b"\n"


def _csv_value(value: Any) -> Any:
    if isinstance(value, str):
        return guard(value)
    return repr(value) if isinstance(value, float) else value


def _rows(runs: Sequence[Run]) -> Iterator[_Row]:
    for run in runs:
        model = run.result.model
        own = {
            "run": run.slug,
            "model": model.id,
            "role": run.role,
            "parent": model.parent,
            "recipe": run.recipe,
            "parameters": model.parameters,
            "synthetic": model.synthetic,
            **{name.replace(" ", "_"): value for name, value in run.settings},
            "file_sha256": run.sha256,
        }
        for question, task in run.tasks.items():
            yield own | _task_row(question, task)


def _task_row(question: Question, task: TaskResult) -> _Row:
    overlap = task.metrics["overlap"]
    interval = overlap.interval
    return {
        "task": task.name,
        "title": task.title,
        "family": task.family,
        "split": task.split,
        "version": task.version,
        "question": question.slug,
        "estimator": task.estimator,
        "replies": overlap.n,
        **{metric.name: task.metrics[metric.name].value for metric in METRICS},
        "overlap_lo": None if interval is None else interval.lo,
        "overlap_hi": None if interval is None else interval.hi,
    }


def run_script(run: Run) -> tuple[str, bytes]:
    """Return (path, content) of the script that carries a run to the page that compares.

    A page opened from a file may load a script but not fetch JSON.
    """
    return f"data/compare/{run.slug}.js", _script("run", run.slug, _run_data(run))


def target_scripts(runs: Sequence[Run]) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the scripts that carry the targets, each once."""
    targets: dict[str, TaskResult] = {}
    for run in runs:
        for question, task in run.tasks.items():
            targets.setdefault(question.target, task)
    for sha256, task in sorted(targets.items()):
        content = _script("target", sha256[:16], _target_data(task))
        yield f"data/targets/{sha256[:16]}.js", content


def _script(kind: str, key: str, content: _Row) -> bytes:
    return f"DiffBenchData.add({dump_json([kind, key, content])});\n".encode()


def _run_data(run: Run) -> _Row:
    return {
        "label": run.label,
        "settings": [list(pair) for pair in run.settings if pair[0] not in _OF_REPLIES],
        "longest": run.result.settings.max_new_tokens,
        "draws": run.draws,
        "tasks": [_task_data(question, task) for question, task in run.tasks.items()],
    }


def _task_data(question: Question, task: TaskResult) -> _Row:
    overlap = task.metrics["overlap"]
    q = distribution_of(task)
    return {
        "name": question.name,
        "title": task.title,
        "split": task.split,
        "version": task.version,
        "target": question.target[:16],
        "prompts": question.prompts[:16],
        "estimator": task.estimator,
        "replies": overlap.n,
        "overlap": None if overlap.value is None else rounded(overlap.value),
        "q": [rounded(float(value), 4) for value in q],
        "rest": rounded(max(0.0, 1.0 - float(q.sum())), 4),
    }


def _target_data(task: TaskResult) -> _Row:
    return {
        "outcomes": task.target.outcomes,
        "p": [rounded(float(p), 4) for p in target_of(task)],
        "rest": rounded(1.0 - task.target.listed_mass, 4),
    }
