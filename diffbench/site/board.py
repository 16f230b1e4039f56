"""Which runs stand side by side: boards of one setting, blocks of one base model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from diffbench.compare import Verdicts, compare_measurements
from diffbench.site.bases import base_of
from diffbench.site.runs import Question, Run, SettingsKey
from diffbench.site.suites import SUITES, Suite, suite_of
from diffbench.site.work import forked

__all__ = ["Block", "Board", "Tuned", "make_boards"]

_CHUNK = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tuned:
    """A tuned run, and what `compare` says of it against its base."""

    run: Run
    verdicts: Verdicts | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """A base model with its tuned versions; base is None where it was not measured."""

    base: Run | None
    parent: str
    tuned: Sequence[Tuned]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board:
    """Runs under the same settings.

    Attributes:
        settings: These settings.
        blocks: Base models with their tuned versions; all runs but the perfect ones.
        perfect: Scripted perfect samplers.
        independent: Whether all replies are known to be independent draws; without that
            values are shown and not ranked.
        references: By suite, the questions over which means are taken, by family.
    """

    settings: SettingsKey
    blocks: Sequence[Block]
    perfect: Sequence[Run]
    independent: bool
    references: Mapping[Suite, Sequence[Question]]

    @property
    def ranked(self) -> frozenset[Question]:
        """The questions of all suites over which means are taken."""
        return frozenset(q for reference in self.references.values() for q in reference)

    @property
    def runs(self) -> list[Run]:
        """Every run but the perfect samplers."""
        return [
            run
            for block in self.blocks
            for run in (block.base, *(one.run for one in block.tuned))
            if run is not None
        ]


def make_boards(runs: Sequence[Run], *, jobs: int = 1) -> list[Board]:
    """Return the boards, that of most runs first.

    Args:
        runs: All runs.
        jobs: Processes that compare tuned runs with their bases.
    """
    groups: dict[SettingsKey, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.settings, []).append(run)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    pairs = [pair for _, members in ordered for pair in _pairs(members)]
    found = forked(lambda i: _verdicts(*pairs[i]), len(pairs), jobs, chunk=_CHUNK)
    tuned = {
        run.slug: Tuned(run=run, verdicts=verdicts)
        for (_, run), verdicts in zip(pairs, found, strict=True)
    }
    bases = {run.slug: base for base, run in pairs}
    return [_board(settings, members, bases, tuned) for settings, members in ordered]


def _pairs(runs: Sequence[Run]) -> list[tuple[Run | None, Run]]:
    """Return each tuned run with the run of its base, if that was measured."""
    # Of a thousand runs few are of one model.
    bases: dict[str, list[Run]] = {}
    for run in runs:
        bases.setdefault(run.result.model.id, []).append(run)
    return [
        (base_of(run, bases.get(run.result.model.parent or "", ())), run)
        for run in runs
        if run.role == "tuned"
    ]


def _board(
    settings: SettingsKey,
    runs: Sequence[Run],
    bases: Mapping[str, Run | None],
    tuned: Mapping[str, Tuned],
) -> Board:
    measured = [run for run in runs if run.role != "perfect"]
    return Board(
        settings=settings,
        blocks=_blocks(measured, bases, tuned),
        perfect=[run for run in runs if run.role == "perfect"],
        independent=all(run.draws == "independent" for run in runs),
        references=_references(measured or runs),
    )


def _references(runs: Sequence[Run]) -> dict[Suite, list[Question]]:
    families = {
        question: task.family for run in runs for question, task in run.tasks.items()
    }
    suites = {suite_of(question.name) for question in families}
    return {
        suite: sorted(
            _reference(runs, {q for q in families if suite_of(q.name) == suite}),
            key=lambda question: (families[question], question),
        )
        for suite in SUITES
        if suite in suites
    }


def _reference(runs: Sequence[Run], among: Set[Question]) -> frozenset[Question]:
    """Return the set of questions whose size times the runs that have it is largest."""
    sets = Counter(frozenset(run.tasks.keys() & among) for run in runs)
    covered = {
        candidate: sum(n for other, n in sets.items() if candidate <= other)
        for candidate in sets
    }
    return max(
        covered, key=lambda one: (covered[one] * len(one), len(one), sorted(one)[::-1])
    )


def _blocks(
    runs: Sequence[Run], bases: Mapping[str, Run | None], tuned: Mapping[str, Tuned]
) -> list[Block]:
    found: dict[str, list[Tuned]] = {run.slug: [] for run in runs if run.role == "base"}
    orphans: dict[str, list[Tuned]] = {}
    for run in runs:
        if run.role == "tuned":
            base = bases[run.slug]
            if base is None:
                parent = run.result.model.parent or "unknown"
                orphans.setdefault(parent, []).append(tuned[run.slug])
            else:
                found[base.slug].append(tuned[run.slug])
    by_slug = {run.slug: run for run in runs}
    blocks = [
        Block(base=by_slug[slug], parent=by_slug[slug].label, tuned=members)
        for slug, members in found.items()
    ]
    return blocks + [
        Block(base=None, parent=parent, tuned=members)
        for parent, members in sorted(orphans.items())
    ]


def _verdicts(base: Run | None, tuned: Run) -> Verdicts | None:
    if base is None:
        return None
    return compare_measurements(base.measurement, tuned.measurement)
