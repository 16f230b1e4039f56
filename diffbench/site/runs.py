"""A run as the pages know it: a name for its files, and which question each task asked."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from diffbench.compare import Measurement, common_name, measurement_of
from diffbench.errors import printable
from diffbench.results import RunResult, RunSettings, TaskResult
from diffbench.site.inputs import Inputs
from diffbench.site.suites import shipped_family
from diffbench.tuning.record import TuneRecord

__all__ = [
    "PERFECT_SPEC",
    "Draws",
    "Question",
    "Run",
    "SettingsKey",
    "make_runs",
    "settings_key",
]

PERFECT_SPEC = "scripted:perfect-sampler"
"""Spec of the scripted sampler whose replies follow every target."""

SettingsKey: TypeAlias = tuple[tuple[str, str], ...]
_MOST_SLUG = 60
_SETTINGS = (
    *("temperature", "top_p", "top_k", "min_p", "answer_rule", "protocol"),
    *("draws_per_reply", "limit", "thinking"),
)
Draws: TypeAlias = Literal[
    "independent", "several in a reply", "not known to be independent"
]
"""What is known of the replies that a run's values rest on."""


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """What a task asked: two values stand side by side only where all of it is equal.

    Attributes:
        name: Name that the exact and the sampled form of a task share.
        version: Version of the task.
        target: Hash of the target distribution.
        prompts: Hash of the wordings and their names.
    """

    name: str
    version: str
    target: str
    prompts: str

    @property
    def slug(self) -> str:
        """Name of the page."""
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        return f"{slugify(self.name)}-{digest}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One results file.

    Attributes:
        slug: Name of its files, unique without regard to case.
        file: Where the site keeps the results file as it came.
        sha256: Hash of the file's bytes.
        result: What it holds.
        record: How its adapter was tuned, where that is known.
        measurement: What a comparison needs of it.
        tasks: Its tasks by question.
        settings: What else decides whether its values stand beside others.
        draws: What is known of its replies; exact values rest on none.
    """

    slug: str
    file: str
    sha256: str
    result: RunResult
    record: TuneRecord | None
    measurement: Measurement
    tasks: Mapping[Question, TaskResult]
    settings: SettingsKey
    draws: Draws

    @property
    def label(self) -> str:
        """What it is called."""
        return printable(self.result.model.id, 120)

    @property
    def short(self) -> str:
        """Its name beneath its base: what the adapter is called."""
        model = self.result.model
        adapter = model.adapter
        if adapter is None or model.id != f"{model.parent}+{adapter.name}":
            return self.label
        return f"+ {printable(adapter.name, 80)}"

    @property
    def about(self) -> str:
        """What tells it from other runs of its model: estimator, tasks, day."""
        result = self.result
        ways = " and ".join(sorted({task.estimator for task in result.tasks}))
        n = len(result.tasks) + len(result.biographies)
        day = printable(result.run.created[:10], 10)
        return f"{ways or 'biographies'}, {n} {'task' if n == 1 else 'tasks'}, {day}"

    @property
    def role(self) -> Literal["base", "tuned", "perfect"]:
        """Base model, tuned model, or the scripted perfect sampler."""
        if self.result.model.spec == PERFECT_SPEC:
            return "perfect"
        return self.result.model.role

    @property
    def recipe(self) -> str | None:
        """Name of the recipe that tuned it, where that is known."""
        if self.record is not None:
            return self.record.recipe_name
        adapter = self.result.model.adapter
        return None if adapter is None else adapter.recipe


def make_runs(inputs: Inputs) -> list[Run]:
    """Return every sound run, in the order of their slugs."""
    runs = []
    families: dict[Question, str] = {}
    for one in sorted(inputs.submissions, key=lambda one: one.result.content_sha256):
        result = with_agreed_families(one.result, families)
        adapter = result.model.adapter
        slug = f"{slugify(result.model.id)}-{result.content_sha256[:10]}"
        runs.append(
            Run(
                slug=slug,
                file=f"data/results/{slug}.json{'.gz' if one.packed else ''}",
                sha256=one.sha256,
                result=result,
                record=None if adapter is None else inputs.records.get(adapter.sha256),
                measurement=measurement_of(result),
                tasks={question_of(task): task for task in result.tasks},
                settings=settings_key(result),
                draws=draws_of(result),
            )
        )
    return sorted(runs, key=lambda run: run.slug)


def question_of(task: TaskResult) -> Question:
    """Return what a task asked."""
    wordings = "\n".join(f"{one.id} {one.prompt_sha256}" for one in task.prompts)
    return Question(
        name=common_name(task.name),
        version=task.version,
        target=task.target.sha256,
        prompts=hashlib.sha256(wordings.encode()).hexdigest(),
    )


def settings_key(result: RunResult) -> SettingsKey:
    """Return the settings under which values are of one question, by name."""
    settings: RunSettings = result.settings
    stated = [
        (name.replace("_", " "), _text(getattr(settings, name))) for name in _SETTINGS
    ]
    return (*stated, ("draws", draws_of(result)), ("values", _way(result.tasks)))


def draws_of(result: RunResult) -> Draws:
    """Return what is known of a result's replies."""
    independence = result.run.independence
    if independence is not None and independence.verdict == "unproven":
        return "not known to be independent"
    sampled = any(task.estimator == "sampled" for task in result.tasks)
    if sampled and result.settings.protocol == "list":
        return "several in a reply"
    return "independent"


def with_agreed_families(result: RunResult, families: dict[Question, str]) -> RunResult:
    """Return a result whose tasks are of one family with the same tasks of other files.

    Args:
        result: As its file says.
        families: What every question was given so far; new ones are added.
    """
    tasks = []
    for task in result.tasks:
        shipped = shipped_family(task.name)
        family = families.setdefault(question_of(task), shipped or task.family)
        same = family == task.family
        tasks.append(task if same else task.model_copy(update={"family": family}))
    return result.model_copy(update={"tasks": tasks})


def _way(tasks: Sequence[TaskResult]) -> str:
    """Name what values are estimated from, where that decides what they mean."""
    # Exact values and those from replies estimate the same thing.
    ways = {
        "exact or sampled" if task.estimator in ("exact", "sampled") else task.estimator
        for task in tasks
    }
    return " and ".join(sorted(ways))


def _text(value: object) -> str:
    return "none" if value is None else f"{value}"


def slugify(text: str) -> str:
    """Return lower-case letters, digits, dots and dashes that name a file anywhere."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MOST_SLUG].strip("-") or "model"
