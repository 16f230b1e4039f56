"""Which runs stand side by side: boards of one setting, blocks of one base model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffbench.compare import Verdicts, compare_measurements, pair_tasks
from diffbench.site.runs import Question, Run, SettingsKey

__all__ = ["Block", "Board", "Tuned", "make_boards"]


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
        reference: The questions over which means are taken, in order, by family.
    """

    settings: SettingsKey
    blocks: Sequence[Block]
    perfect: Sequence[Run]
    reference: Sequence[Question]

    @property
    def runs(self) -> list[Run]:
        """Every run but the perfect samplers."""
        return [
            run
            for block in self.blocks
            for run in (block.base, *(one.run for one in block.tuned))
            if run is not None
        ]


def make_boards(runs: Sequence[Run]) -> list[Board]:
    """Return the boards, that of most runs first."""
    groups: dict[SettingsKey, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.settings, []).append(run)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [_board(settings, members) for settings, members in ordered]


def _board(settings: SettingsKey, runs: Sequence[Run]) -> Board:
    measured = [run for run in runs if run.role != "perfect"]
    return Board(
        settings=settings,
        blocks=_blocks(measured),
        perfect=[run for run in runs if run.role == "perfect"],
        reference=_reference(measured or runs),
    )


def _reference(runs: Sequence[Run]) -> list[Question]:
    """Return the set of questions whose size times the runs that have it is largest."""
    sets = Counter(frozenset(run.tasks) for run in runs)
    covered = {
        candidate: sum(n for other, n in sets.items() if candidate <= other)
        for candidate in sets
    }
    best = max(
        covered, key=lambda one: (covered[one] * len(one), len(one), sorted(one)[::-1])
    )
    families: Mapping[Question, str] = {
        question: task.family for run in runs for question, task in run.tasks.items()
    }
    return sorted(best, key=lambda question: (families[question], question))


def _blocks(runs: Sequence[Run]) -> list[Block]:
    bases = [run for run in runs if run.role == "base"]
    found: dict[str, list[Run]] = {base.slug: [] for base in bases}
    orphans: dict[str, list[Run]] = {}
    by_slug = {base.slug: base for base in bases}
    for run in runs:
        if run.role == "tuned":
            base = _base_of(run, bases)
            if base is None:
                orphans.setdefault(run.result.model.parent or "unknown", []).append(run)
            else:
                found[base.slug].append(run)
    blocks = [
        Block(
            base=by_slug[slug],
            parent=by_slug[slug].label,
            tuned=[Tuned(run=one, verdicts=_verdicts(by_slug[slug], one)) for one in tuned],
        )
        for slug, tuned in found.items()
    ]
    return blocks + [
        Block(
            base=None,
            parent=parent,
            tuned=[Tuned(run=one, verdicts=None) for one in tuned],
        )
        for parent, tuned in sorted(orphans.items())
    ]


def _base_of(tuned: Run, bases: Sequence[Run]) -> Run | None:
    """Return the run of the untuned model that shares most tasks; the latest of several."""
    model = tuned.result.model
    same = [
        base
        for base in bases
        if base.result.model.id == model.parent
        and _agree(base.result.model.weights_fingerprint, model.weights_fingerprint)
        and _agree(base.result.model.revision, model.revision)
        and _agree(base.result.model.chat_template_sha256, model.chat_template_sha256)
    ]
    if not same:
        return None
    return max(
        same, key=lambda base: (_shared(base, tuned), base.result.run.created, base.slug)
    )


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _shared(base: Run, tuned: Run) -> int:
    return len(base.tasks.keys() & tuned.tasks.keys())


def _verdicts(base: Run, tuned: Run) -> Verdicts | None:
    pairs = pair_tasks(base.measurement, tuned.measurement)
    if all(pair.reason for pair in pairs):
        return None
    return compare_measurements(base.measurement, tuned.measurement)
