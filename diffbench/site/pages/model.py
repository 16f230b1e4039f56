"""A run's own page: what it is, how it was made, and every task's distribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from diffbench.compare import MetricVerdict, common_name
from diffbench.compare.describe import describe
from diffbench.errors import printable
from diffbench.metrics import PRIMARY_METRIC
from diffbench.results import TaskResult
from diffbench.site.biographies import make_panels
from diffbench.site.board import Block, Board
from diffbench.site.display import (
    DASH,
    SPLITS,
    Cell,
    Word,
    entry_cell,
    parameters_text,
    signed,
    word_of,
)
from diffbench.site.distribution import (
    Instead,
    OutcomeRow,
    curve_rows,
    distribution_of,
    drawn_rows,
    said_instead,
    target_of,
)
from diffbench.site.figures import Chart, curve_frame, sorted_curve
from diffbench.site.page import Page
from diffbench.site.pages.headline import make_headlines
from diffbench.site.runs import Run
from diffbench.site.work import Unit

__all__ = ["TASK_METRICS", "model_pages"]

TASK_METRICS = ("overlap_valid", "entropy_ratio", "coverage_ratio_100", "kl", "valid_mass")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task of the run, beside that of its base where the two compare.

    Attributes:
        anchor: Where its section begins.
        page: Slug of the task's own page.
        trained: Whether the adapter was trained on it; None where that is not known.
        base: The base's task, if it asked the same.
        why: Why the two are not compared.
    """

    anchor: str
    page: str
    task: TaskResult
    trained: bool | None
    base: TaskResult | None
    value: Cell
    before: float | None
    change: str
    word: Word | None
    why: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A task's distribution against its target."""

    row: TaskRow
    chart: Chart
    curve: Sequence[tuple[int, str, str, str]]
    over: Sequence[OutcomeRow]
    under: Sequence[OutcomeRow]
    instead: Instead
    sampled: str


def model_pages(board: Board) -> Iterator[Unit]:
    """Yield a page for each run of a board."""
    for run in board.perfect:
        yield partial(_pages, board, run, None, None)
    for block in board.blocks:
        if block.base is not None:
            yield partial(_pages, board, block.base, block, None)
        for tuned in block.tuned:
            verdicts = () if tuned.verdicts is None else tuned.verdicts.tasks
            yield partial(_pages, board, tuned.run, block, verdicts)


def _pages(
    board: Board,
    run: Run,
    block: Block | None,
    verdicts: Sequence[MetricVerdict] | None,
) -> list[Page]:
    base = block.base if block is not None and verdicts is not None else None
    groups = _grouped(_rows(run, base, verdicts or ()))
    context: dict[str, Any] = {
        "run": run,
        "base": base,
        "block": block,
        "tuned": verdicts is not None,
        "headlines": make_headlines(verdicts or ()) if base is not None else [],
        "identity": _identity(run),
        "adapter": _adapter(run),
        "provenance": _provenance(run),
        "settings": run.settings,
        "biographies": make_panels([run] if base is None else [base, run]),
        "groups": groups,
        "splits": SPLITS,
        "metrics": TASK_METRICS,
        "sections": [_section(row) for _, _, rows in groups for row in rows],
        "frame": curve_frame(),
        "retention": [] if run.record is None else run.record.retention,
        "n_reference": len(board.ranked & run.tasks.keys()),
        "n_asked": len(board.ranked),
    }
    path = f"models/{run.slug}.html"
    return [Page(path=path, template="model.html", here="index.html", context=context)]


def _rows(run: Run, base: Run | None, verdicts: Sequence[MetricVerdict]) -> list[TaskRow]:
    by_task = {one.task: one for one in verdicts}
    trained = None
    if run.record is not None:
        trained = {common_name(prompt.task) for prompt in run.record.prompts}
    rows = []
    for number_, (question, task) in enumerate(run.tasks.items()):
        verdict = by_task.get(task.name)
        compared = verdict is not None and verdict.verdict != "not_comparable"
        other = base.tasks.get(question) if base is not None and compared else None
        value = task.metrics[PRIMARY_METRIC]
        before = verdict.before if verdict is not None and other is not None else None
        rows.append(
            TaskRow(
                anchor=f"task-{number_ + 1}",
                page=question.slug,
                task=task,
                trained=None if trained is None else question.name in trained,
                base=other,
                value=entry_cell(value, PRIMARY_METRIC),
                before=before,
                change=_change(verdict),
                word=None
                if verdict is None
                else word_of(verdict.verdict, describe(verdict)),
                why=_why(verdict),
                cells=[entry_cell(task.metrics[name], name) for name in TASK_METRICS],
            )
        )
    return rows


def _change(verdict: MetricVerdict | None) -> str:
    if verdict is None or verdict.gain is None:
        return DASH
    interval = verdict.interval
    if interval is None:
        return signed(verdict.gain)
    return f"{signed(verdict.gain)} [{signed(interval.lo)}, {signed(interval.hi)}]"


def _why(verdict: MetricVerdict | None) -> str:
    if verdict is None or verdict.verdict != "not_comparable":
        return ""
    return printable(verdict.reason or "", 200)


def _grouped(rows: Sequence[TaskRow]) -> list[tuple[str, str, list[TaskRow]]]:
    """Group rows by split and family, families in order."""
    groups: dict[tuple[str, str], list[TaskRow]] = {}
    for row in rows:
        groups.setdefault((row.task.split, row.task.family), []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] != "train", item[0][1]))
    return [(split, family, members) for (split, family), members in ordered]


def _section(row: TaskRow) -> Section:
    target = target_of(row.task)
    own = distribution_of(row.task)
    base = None if row.base is None else distribution_of(row.base)
    curves = [("this model" if base is None else "tuned", own)]
    if base is not None:
        curves.insert(0, ("base", base))
    over, under = drawn_rows(row.task, target, own, base)
    return Section(
        row=row,
        chart=sorted_curve(target, curves),
        curve=curve_rows(target, own, base),
        over=over,
        under=under,
        instead=said_instead(row.task),
        sampled=_sampled(row.task),
    )


def _sampled(task: TaskResult) -> str:
    entry = task.metrics[PRIMARY_METRIC]
    if task.estimator != "sampled" or entry.n is None:
        return ""
    a_prompt = entry.n // len(task.prompts)
    least = 1 / max(1, a_prompt)
    return f"from {a_prompt:,} replies a prompt, so a share below {least:.2%} is not seen"


def _identity(run: Run) -> list[tuple[str, str]]:
    model = run.result.model
    return _facts(
        ("Model", model.id),
        ("Spec", model.spec),
        ("Revision", model.revision),
        ("Parameters", parameters_text(model.parameters)),
        ("Precision", model.dtype),
        ("Architecture", model.architecture),
        ("Weights", model.weights_fingerprint),
        ("Tokenizer", model.tokenizer_sha256),
        ("Chat template", model.chat_template_sha256 or "none: the plain prompt"),
    )


def _adapter(run: Run) -> list[tuple[str, str]]:
    adapter, record = run.result.model.adapter, run.record
    if adapter is None:
        return []
    facts = _facts(
        ("Base model", run.result.model.parent),
        ("Adapter", adapter.name),
        ("Hash", adapter.sha256),
        ("Recipe", run.recipe),
        ("Rank", adapter.rank),
        ("Alpha", None if adapter.alpha is None else f"{adapter.alpha:g}"),
        ("Steps", adapter.steps),
        ("Seed", adapter.seed),
    )
    if record is None:
        return facts
    families = sorted({prompt.task for prompt in record.prompts})
    return facts + _facts(
        ("Learning rate", f"{record.learning_rate:g}"),
        ("Passes", len(record.curve)),
        ("Trained on", ", ".join(name.removeprefix("diffbench_") for name in families)),
        ("Training took", f"{record.seconds:.0f} s on {record.hardware}"),
        ("Tuning command", record.command),
    )


def _provenance(run: Run) -> list[tuple[str, str]]:
    made = run.result.run
    git = "not from a checkout"
    if made.git is not None:
        git = made.git.commit + (" with changes of its own" if made.git.dirty else "")
    names = ("python", "torch", "transformers", "peft", "lm_eval", "numpy")
    packages = [f"{name} {made.packages[name]}" for name in names if name in made.packages]
    return _facts(
        ("Made", made.created[:19].replace("T", " ")),
        ("DiffBench", made.diffbench),
        ("Commit", git),
        ("Libraries", ", ".join(packages)),
        ("Hardware", made.hardware),
        ("Took", f"{made.duration_s:.0f} s"),
        ("Run", made.id),
        ("File", f"sha256 {run.sha256}"),
        ("Content", f"sha256 {run.result.content_sha256}"),
    )


def _facts(*pairs: tuple[str, object]) -> list[tuple[str, str]]:
    """Keep the facts that are known."""
    return [
        (name, printable(value, 600)) for name, value in pairs if value not in (None, "")
    ]
