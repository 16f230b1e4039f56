"""One view of a board: a suite or a family, one split; and each run's means over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from diffbench.metrics import FloatArray, MetricValue, aggregate
from diffbench.results import MetricEntry, TaskResult
from diffbench.site.board import Board
from diffbench.site.runs import Question, Run
from diffbench.site.suites import Suite

__all__ = ["Scope", "ScopeSplit", "make_scopes", "prompt_rows", "scope_means"]

ScopeSplit: TypeAlias = Literal["all", "train", "held_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A choice of tasks.

    Attributes:
        suite: What the tasks are of.
        family: One family, or None for all of the suite.
        split: Trained wordings, held-out ones, or both.
        questions: The tasks, grouped by family.
        families: The family of each question.
        home: Whether it is what the board opens with.
    """

    suite: Suite
    family: str | None
    split: ScopeSplit
    questions: tuple[Question, ...]
    families: tuple[str, ...]
    home: bool

    def asked_none_of(self, run: Run) -> bool:
        """Say whether a run was asked none of this, in whatever version."""
        names = {question.name for question in self.questions}
        return not any(question.name in names for question in run.tasks)

    def missing(self, run: Run) -> list[Question]:
        """Return the questions that a run did not answer."""
        return [question for question in self.questions if question not in run.tasks]


def make_scopes(board: Board) -> list[Scope]:
    """Return every scope that has tasks: by suite, all its families first, and split."""
    examples: dict[Question, TaskResult] = {}
    for run in (*board.runs, *board.perfect):
        for question, task in run.tasks.items():
            examples.setdefault(question, task)
    scopes = [
        scope
        for suite, reference in board.references.items()
        for scope in _suite_scopes(suite, reference, examples)
    ]
    return [replace(scopes[0], home=True), *scopes[1:]]


def _suite_scopes(
    suite: Suite, reference: Sequence[Question], examples: Mapping[Question, TaskResult]
) -> Iterator[Scope]:
    families = sorted({examples[question].family for question in reference})
    splits: tuple[ScopeSplit, ...] = ("all", "train", "held_out")
    for family in (None, *families):
        for split in splits:
            chosen = tuple(
                question
                for question in reference
                if family in (None, examples[question].family)
                and split in ("all", examples[question].split)
            )
            if chosen:
                yield Scope(
                    suite=suite,
                    family=family,
                    split=split,
                    questions=chosen,
                    families=tuple(examples[question].family for question in chosen),
                    home=False,
                )


def scope_means(
    scope: Scope, run: Run, metrics: Sequence[str]
) -> Mapping[str, MetricValue]:
    """Return a complete run's means: prompts to task, tasks to family, equal weight."""
    families: dict[str, list[TaskResult]] = {}
    for question, family in zip(scope.questions, scope.families, strict=True):
        families.setdefault(family, []).append(run.tasks[question])
    return {
        name: aggregate(
            [
                aggregate([_value(task.metrics[name]) for task in members])
                for members in families.values()
            ]
        )
        for name in metrics
    }


def _value(entry: MetricEntry) -> MetricValue:
    return MetricValue(value=entry.value, reason=entry.reason)


def prompt_rows(
    scope: Scope, runs: Sequence[Run], metric: str
) -> tuple[FloatArray, FloatArray]:
    """Return each run's prompt values, and the standard errors of those from replies.

    Returns:
        Two arrays of shape (runs, prompts), the prompts in the order of the questions; an
        exact value has the standard error 0. A run with a null value has a row of NaN.
    """
    values, errors = [], []
    for run in runs:
        entries = [
            prompt.metrics[metric]
            for question in scope.questions
            for prompt in run.tasks[question].prompts
        ]
        values.append([np.nan if entry.value is None else entry.value for entry in entries])
        errors.append([_standard_error(entry) for entry in entries])
    return np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)


def _standard_error(entry: MetricEntry) -> float:
    if entry.n is None:
        return 0.0
    if entry.interval is not None:
        # The half-width of a 95 % interval is some two standard errors.
        return (entry.interval.hi - entry.interval.lo) / 4
    # A share of n replies never varies by more.
    return 0.5 / float(np.sqrt(max(1, entry.n)))
