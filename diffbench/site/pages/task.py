"""A task's page: what is asked, what the answer should follow, and every model on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diffbench.errors import printable
from diffbench.metrics import PRIMARY_METRIC
from diffbench.results import TaskResult
from diffbench.results.distribution import most_overdrawn
from diffbench.site.board import Board
from diffbench.site.display import SPLITS, Cell, entry_cell
from diffbench.site.page import Page
from diffbench.site.pages.model import TASK_METRICS
from diffbench.site.runs import Question, Run, SettingsKey
from diffbench.site.work import Unit
from diffbench.suite import Source, TaskDefinition

__all__ = ["task_pages"]

_OUTCOMES = 24
_WORDS = {
    "uniform": "every listed outcome equally likely",
    "natural": "as common as in the world, by counts of a published source",
    "human": "as people answer",
    "theoretical": "a distribution of theory",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A run on this task."""

    run: Run
    estimator: str
    value: Cell
    interval: str
    cells: Sequence[Cell]
    favourite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs under the same settings, best first, perfect samplers before all."""

    settings: SettingsKey
    rows: Sequence[ModelRow]


def task_pages(
    boards: Sequence[Board], catalog: Mapping[str, TaskDefinition]
) -> Iterator[Unit]:
    """Yield a page for each question that any run answered, and the list of them."""
    found: dict[Question, TaskResult] = {}
    for board in boards:
        for run in (*board.perfect, *board.runs):
            for question, task in run.tasks.items():
                found.setdefault(question, task)
    questions = sorted(found, key=lambda one: (found[one].family, one))
    yield partial(_index, boards, questions, found)
    for question in questions:
        yield partial(_pages, boards, question, found[question], questions, catalog)


def _index(
    boards: Sequence[Board],
    questions: Sequence[Question],
    found: Mapping[Question, TaskResult],
) -> list[Page]:
    ranked = boards[0].ranked
    rows = [
        {
            "question": question,
            "task": found[question],
            "n_runs": sum(
                question in run.tasks
                for board in boards
                for run in (*board.runs, *board.perfect)
            ),
            "ranked": question in ranked,
        }
        for question in questions
    ]
    context = {"rows": rows, "splits": SPLITS, "words": _WORDS}
    return [
        Page(path="tasks.html", template="tasks.html", here="tasks.html", context=context)
    ]


def _pages(
    boards: Sequence[Board],
    question: Question,
    task: TaskResult,
    questions: Sequence[Question],
    catalog: Mapping[str, TaskDefinition],
) -> list[Page]:
    groups = [
        Group(settings=board.settings, rows=rows)
        for board in boards
        if (rows := _rows(board, question))
    ]
    shipped = catalog.get(question.name)
    known = shipped is not None and shipped.target.sha256 == question.target
    context: dict[str, Any] = {
        "question": question,
        "task": task,
        "words": _WORDS,
        "splits": SPLITS,
        "metrics": TASK_METRICS,
        "groups": groups,
        "outcomes": _outcomes(task),
        "n_more": max(0, len(task.target.outcomes) - _OUTCOMES),
        "entropy": float(_entropy(task)),
        "source": _source(shipped) if known else [],
        "url": shipped.source.url if known and shipped and shipped.source else "",
        "shipped": known,
        "others": [
            one for one in questions if one.name == question.name and one != question
        ],
    }
    path = f"tasks/{question.slug}.html"
    return [Page(path=path, template="task.html", here="tasks.html", context=context)]


def _rows(board: Board, question: Question) -> list[ModelRow]:
    perfect = [run for run in board.perfect if question in run.tasks]
    others = [run for run in board.runs if question in run.tasks]
    rows = [_row(run, run.tasks[question]) for run in (*perfect, *others)]
    head, tail = rows[: len(perfect)], rows[len(perfect) :]
    tail.sort(
        key=lambda row: (
            row.value.sort is None,
            -(row.value.sort or 0.0),
            row.run.slug,
        )
    )
    return [*head, *tail]


def _row(run: Run, task: TaskResult) -> ModelRow:
    entry = task.metrics[PRIMARY_METRIC]
    interval = ""
    if entry.interval is not None:
        interval = f"[{entry.interval.lo:.3f}, {entry.interval.hi:.3f}]"
    top = most_overdrawn(task)
    estimator = task.estimator
    if task.estimator == "sampled" and entry.n is not None:
        estimator_text = f"{entry.n // len(task.prompts):,} replies a prompt"
    else:
        estimator_text = estimator
    return ModelRow(
        run=run,
        estimator=estimator_text,
        value=entry_cell(entry, PRIMARY_METRIC),
        interval=interval,
        cells=[entry_cell(task.metrics[name], name) for name in TASK_METRICS],
        favourite="" if top is None else f"{printable(top[0], 40)}, {top[1]:,.1f} ×",
    )


def _outcomes(task: TaskResult) -> list[tuple[str, str]]:
    """Return the most probable outcomes with their probabilities."""
    p = np.asarray(task.target.probabilities)
    order = np.argsort(-p, kind="stable")[:_OUTCOMES]
    return [(printable(task.target.outcomes[i], 80), f"{p[i]:.2%}") for i in order]


def _entropy(task: TaskResult) -> float:
    p = np.asarray(task.target.probabilities)
    p = p[p > 0] / p.sum()
    return float(-(p * np.log(p)).sum())


def _source(definition: TaskDefinition | None) -> list[tuple[str, str]]:
    source: Source | None = None if definition is None else definition.source
    if source is None:
        return []
    pairs = [
        ("Source", source.source),
        ("Licence", source.licence),
        ("Rule", source.rule),
        ("Attribution", source.attribution),
    ]
    return [(name, text) for name, text in pairs if text]
