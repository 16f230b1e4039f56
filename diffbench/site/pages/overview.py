"""The overview: a block for each base model, its tuned versions beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from diffbench.compare import MetricVerdict
from diffbench.metrics import METRICS_BY_NAME, PRIMARY_METRIC, MetricValue
from diffbench.site.board import Block, Board, Tuned
from diffbench.site.display import (
    DASH,
    Cell,
    Word,
    direction_mark,
    entry_cell,
    interval_text,
    number,
    overall_word,
    parameters_text,
    signed,
    size_class,
)
from diffbench.site.ranking import Ranked, Ranking, rank_runs
from diffbench.site.runs import Run
from diffbench.site.scope import Scope, scope_means

__all__ = [
    "COLUMNS",
    "BlockView",
    "Column",
    "Incomplete",
    "Overview",
    "Row",
    "make_overview",
]

_SHOWN = ("overlap_valid", "entropy_ratio", "coverage_ratio_100", "kl", "valid_mass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A sortable, hideable column; `key` stands in the address."""

    key: str
    title: str
    mark: str
    better: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A run in the table.

    `before`, `change` and `word` are those of a tuned run against its base.
    """

    run: Run
    meta: Sequence[str]
    size: str
    rank: Cell
    tied: bool
    value: Cell
    before: float | None
    change: Cell
    interval: str
    word: Word | None
    cells: Sequence[Cell]
    retention: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockView:
    """A base model's row, or its name where it has none, and the rows beneath."""

    parent: str
    base: Row | None
    note: str
    tuned: Sequence[Row]

    @property
    def rows(self) -> list[Row]:
        """The base first."""
        return [*([] if self.base is None else [self.base]), *self.tuned]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A run that did not answer every question of the scope."""

    run: Run
    answered: int
    asked: int
    lacks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of one scope.

    Attributes:
        incomplete: Runs that answered a part of it.
        n_not_asked: Runs that were asked nothing of it.
        ranked: Whether its runs have ranks.
    """

    scope: Scope
    blocks: Sequence[BlockView]
    perfect: Sequence[Row]
    incomplete: Sequence[Incomplete]
    n_not_asked: int
    n_prompts: int
    ranked: bool


def _column(metric: str) -> Column:
    definition = METRICS_BY_NAME[metric]
    better = {"higher": -1, "lower": 1}.get(definition.direction, 0)
    mark = " ".join(filter(None, (definition.unit, direction_mark(metric))))
    return Column(key=metric, title=definition.short, mark=mark, better=better)


COLUMNS = (
    Column(key="rank", title="rank", mark="95 %", better=1),
    Column(key=PRIMARY_METRIC, title="overlap: base → tuned", mark="0…1 ↑", better=-1),
    Column(key="change", title="change", mark="95 %", better=-1),
    *map(_column, _SHOWN),
    Column(key="retention", title="retention", mark="", better=-1),
)


def make_overview(board: Board, scope: Scope) -> Overview:
    """Return the overview of one scope of a board."""
    complete = [run for run in board.runs if not scope.missing(run)]
    ranking = rank_runs(scope, complete if board.independent else [])
    means = {
        run.slug: scope_means(scope, run, (PRIMARY_METRIC, *_SHOWN))
        for run in (*complete, *board.perfect)
        if not scope.missing(run)
    }
    blocks = [_block(block, scope, ranking, means) for block in board.blocks]
    shown = sorted((one for one in blocks if one.rows), key=_best)
    whole = complete or [run for run in board.perfect if not scope.missing(run)]
    return Overview(
        scope=scope,
        blocks=shown,
        perfect=[
            _row(run, None, means[run.slug]) for run in board.perfect if run.slug in means
        ],
        incomplete=[
            _incomplete(run, scope)
            for run in board.runs
            if scope.missing(run) and not scope.asked_none_of(run)
        ],
        n_not_asked=sum(map(scope.asked_none_of, board.runs)),
        n_prompts=sum(len(whole[0].tasks[q].prompts) for q in scope.questions)
        if whole
        else 0,
        ranked=board.independent,
    )


def _best(block: BlockView) -> tuple[float, str]:
    return min((_rank_key(row) for row in block.rows), default=inf), block.rows[0].run.slug


def _rank_key(row: Row) -> float:
    return inf if row.rank.sort is None else row.rank.sort


def _block(
    block: Block,
    scope: Scope,
    ranking: Ranking,
    means: Mapping[str, Mapping[str, MetricValue]],
) -> BlockView:
    base, note = None, ""
    if block.base is None:
        note = "not measured here, so nothing says what tuning changed"
    elif block.base.slug in means:
        base = _row(block.base, ranking.rank(block.base), means[block.base.slug])
    else:
        note = "the file that these are compared with has none of these tasks"
        if not scope.asked_none_of(block.base):
            note = "incomplete here: see below"
    tuned = [
        _tuned_row(one, block.base if base is not None else None, scope, ranking, means)
        for one in block.tuned
        if one.run.slug in means
    ]
    tuned.sort(key=lambda row: (_rank_key(row), row.run.slug))
    return BlockView(parent=block.parent, base=base, note=note, tuned=tuned)


def _tuned_row(
    tuned: Tuned,
    base: Run | None,
    scope: Scope,
    ranking: Ranking,
    means: Mapping[str, Mapping[str, MetricValue]],
) -> Row:
    own = means[tuned.run.slug]
    rank = ranking.rank(tuned.run)
    verdicts = [] if base is None else _in_scope(tuned, scope)
    refused = not verdicts or any(one.verdict == "not_comparable" for one in verdicts)
    if base is None or refused:
        word = overall_word(verdicts) if verdicts else None
        return _row(tuned.run, rank, own, word=word)
    before = means[base.slug][PRIMARY_METRIC].value
    return _row(
        tuned.run,
        rank,
        own,
        word=overall_word(verdicts),
        before=before,
        interval=ranking.change_interval(base, tuned.run),
    )


def _in_scope(tuned: Tuned, scope: Scope) -> list[MetricVerdict]:
    names = {tuned.run.tasks[question].name for question in scope.questions}
    found = [] if tuned.verdicts is None else tuned.verdicts.tasks
    return [one for one in found if one.task in names]


def _row(
    run: Run,
    rank: Ranked | None,
    means: Mapping[str, MetricValue],
    *,
    word: Word | None = None,
    before: float | None = None,
    interval: tuple[float, float] | None = None,
) -> Row:
    value = means[PRIMARY_METRIC]
    change = None
    if before is not None and value.value is not None:
        change = value.value - before
    return Row(
        run=run,
        meta=_meta(run),
        size=size_class(run),
        rank=_rank_cell(rank),
        tied=rank is not None and rank.tied,
        value=entry_cell(value, PRIMARY_METRIC),
        before=before,
        change=Cell(text=signed(change), sort=change),
        interval=interval_text(interval),
        word=word,
        cells=[entry_cell(means[name], name) for name in _SHOWN],
        retention=_retention(run),
    )


def _meta(run: Run) -> list[str]:
    model = run.result.model
    estimators = sorted({task.estimator for task in run.result.tasks})
    parts = [" and ".join(estimators)]
    if run.role == "base":
        parts.insert(0, parameters_text(model.parameters))
    if run.role == "tuned":
        parts.insert(0, f"recipe {run.recipe}" if run.recipe else "recipe unknown")
    return parts


def _rank_cell(rank: Ranked | None) -> Cell:
    if rank is None:
        return Cell(text=DASH, sort=None, note="not ranked")
    text = str(rank.lo) if rank.lo == rank.hi else f"{rank.lo}–{rank.hi}"
    tie = "= " if rank.tied else ""
    note = f"by its value: {rank.rank}{', shared' if rank.tied else ''}"
    return Cell(text=tie + text, sort=rank.rank, note=note)


def _retention(run: Run) -> Cell:
    """Return what became of the scores that should not change, the worst first."""
    if run.role != "tuned":
        return Cell(text="", sort=None)
    if run.record is None:
        return Cell(text=DASH, sort=None, note="no tuning record lies beside the results")
    if not run.record.retention:
        return Cell(text=DASH, sort=None, note="not measured when it was tuned")
    worst = min(run.record.retention, key=lambda one: (one.after - one.before, one.name))
    words = {"kept": "kept", "better": "better", "worse": "worse"}
    found = {one.verdict for one in run.record.retention}
    verdict = next(word for word in ("worse", "kept", "better") if word in found)
    shown = f"{number(worst.before, 2)} → {number(worst.after, 2)}"
    return Cell(
        text=f"{words[verdict]} {shown}",
        sort=worst.after - worst.before,
        note=f"{worst.name}, n = {worst.n}",
    )


def _incomplete(run: Run, scope: Scope) -> Incomplete:
    missing = scope.missing(run)
    names = {question.name: question for question in run.tasks}
    other = [question.name for question in missing if question.name in names]
    absent = [question.name for question in missing if question.name not in names]
    parts = []
    if absent:
        parts.append(f"not measured: {_names(absent)}")
    if other:
        parts.append(f"other version, target or prompts: {_names(other)}")
    return Incomplete(
        run=run,
        answered=len(scope.questions) - len(missing),
        asked=len(scope.questions),
        lacks="; ".join(parts),
    )


def _names(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(name.removeprefix("diffbench_") for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
