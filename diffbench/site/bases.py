"""Which run is the base of a tuned one."""

from __future__ import annotations

from collections.abc import Sequence

from diffbench.site.runs import Run

__all__ = ["base_of"]


def base_of(tuned: Run, runs: Sequence[Run]) -> Run | None:
    """Return the run of the parent that shares most tasks; the latest of several.

    Args:
        tuned: A tuned run.
        runs: Runs under the same settings, of any role and model.
    """
    model = tuned.result.model
    same = [
        run
        for run in runs
        if run.role == "base"
        and run.result.model.id == model.parent
        and _agree(run.result.model.weights_fingerprint, model.weights_fingerprint)
        and _agree(run.result.model.revision, model.revision)
        and _agree(run.result.model.chat_template_sha256, model.chat_template_sha256)
    ]
    if not same:
        return None
    return max(
        same, key=lambda run: (_shared(run, tuned), run.result.run.created, run.slug)
    )


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _shared(base: Run, tuned: Run) -> int:
    people = [{one.name for one in run.result.biographies} for run in (base, tuned)]
    return len(base.tasks.keys() & tuned.tasks.keys()) + len(people[0] & people[1])
