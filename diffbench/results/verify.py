"""Compute every published number of a results file again, from the file alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diffbench.hashing import prompt_sha256
from diffbench.results.biography_verify import verify_biography
from diffbench.results.compute import (
    family_aggregates,
    fit_of_counts,
    mean_metrics,
    metrics_from_counts,
    metrics_from_exploration,
    metrics_from_probabilities,
    overall_aggregate,
)
from diffbench.results.differences import agree, metric_differences
from diffbench.results.independence import with_order
from diffbench.results.listing import first_option_preference
from diffbench.results.lists import fit_of_lists, metrics_from_lists, pairs_of_lists
from diffbench.results.schema import (
    Aggregate,
    FitResult,
    MetricEntry,
    PromptResult,
    RunResult,
    TargetRecord,
    TaskResult,
)
from diffbench.targets import Target

__all__ = ["verify_result"]

_MASS_EXCESS = 1e-6

# Runs share their targets: those that were found to have the hash that they state.
_hashed: dict[str, TargetRecord] = {}
_MOST_HASHED = 256


def verify_result(result: RunResult) -> list[str]:
    """Return one sentence for each number that does not follow from the file.

    Every number is compared with what follows from the probabilities and counts alone,
    so one wrong number gives one sentence; what cannot be computed gives one too.
    """
    checked = [_check_task(task) for task in result.tasks]
    problems = [problem for found, _ in checked for problem in found]
    problems += [one for task in result.biographies for one in verify_biography(task)]
    tasks = [task for _, task in checked if task is not None]
    if len(tasks) < len(checked):
        return problems
    families = family_aggregates(tasks)
    overall = overall_aggregate(families)
    if not _same_members([*result.families, result.overall], [*families, overall]):
        return [*problems, "families: not those of the tasks"]
    for stored, computed in zip(result.families, families, strict=True):
        problems += metric_differences(
            f"family {stored.name}", stored.metrics, computed.metrics
        )
    problems += metric_differences("overall", result.overall.metrics, overall.metrics)
    return problems + list(_order_differences(result)) + list(_protocol_differences(result))


def _protocol_differences(result: RunResult) -> Iterator[str]:
    settings = result.settings
    if (settings.protocol == "list") != (settings.draws_per_reply > 1):
        yield "settings: draws_per_reply does not fit the protocol"
    for task in result.tasks:
        for prompt in task.prompts:
            held = 1 if prompt.lists is None else prompt.lists.per_reply
            if held != settings.draws_per_reply:
                yield (
                    f"task {task.name}, prompt {prompt.id}: its replies hold {held} draws, "
                    f"but the settings say {settings.draws_per_reply}"
                )


def _order_differences(result: RunResult) -> Iterator[str]:
    stored = result.run.independence
    if stored is None or stored.equal_neighbours is None:
        return
    computed = with_order(stored, result.tasks, result.biographies)
    if (
        stored.equal_neighbours != computed.equal_neighbours
        or not agree(stored.expected_neighbours, computed.expected_neighbours)
        or not agree(stored.repeats_p, computed.repeats_p)
        or stored.verdict != computed.verdict
    ):
        yield "run.independence: does not follow from the order of the replies"


def _fit_differences(where: str, task: TaskResult, prompt: PromptResult) -> Iterator[str]:
    if prompt.fit is None:
        return
    if prompt.counts is None:
        yield f"{where}: has tests of fit but no counts"
        return
    computed = _fit(task, prompt, prompt.counts)
    old, new = _flat(prompt.fit.model_dump()), _flat(computed.model_dump())
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new or not agree(old[name], new[name]):
            yield f"{where}: fit.{name} does not follow from the counts"


def _fit(task: TaskResult, prompt: PromptResult, counts: Sequence[int]) -> FitResult:
    if prompt.lists is not None:
        return fit_of_lists(task.target, prompt.lists.draws, prompt.lists.per_reply)
    return fit_of_counts(task.target, counts, _n_invalid(prompt))


def _list_differences(where: str, task: TaskResult, prompt: PromptResult) -> Iterator[str]:
    """Check what follows from the draws of each reply, but for the metrics."""
    stored = prompt.lists
    if stored is None:
        return
    size = len(task.target.outcomes)
    counts = [stored.draws.count(outcome) for outcome in range(size)]
    if counts != prompt.counts or stored.draws.count(size) != _n_invalid(prompt):
        yield f"{where}: counts and invalid draws are not those of the replies"
    computed = pairs_of_lists(stored.draws, stored.per_reply, size)
    if not (
        agree(stored.equal_within, computed.within)
        and agree(stored.equal_between, computed.between)
    ):
        yield f"{where}: lists.equal_within or equal_between does not follow from the draws"


def _same_members(stored: Sequence[Aggregate], computed: Sequence[Aggregate]) -> bool:
    return [(one.name, one.members) for one in stored] == [
        (one.name, one.members) for one in computed
    ]


def _check_task(task: TaskResult) -> tuple[list[str], TaskResult | None]:
    """Return what is wrong, and the task with its means as they should be."""
    if _is_uncorrected(task):
        return [
            f"task {task.name}: its sampled values are plug-in values of an older "
            "DiffBench, which did not correct them; measure it again"
        ], None
    problems: list[str] = []
    target_sha256 = _hash_of(task.target)
    if target_sha256 != task.target.sha256:
        problems.append(f"task {task.name}: the target does not match its sha256")
    computed: list[dict[str, MetricEntry]] = []
    for prompt in task.prompts:
        where = f"task {task.name}, prompt {prompt.id}"
        if prompt.prompt_sha256 != prompt_sha256(prompt.text, prompt.prefix):
            problems.append(f"{where}: the text does not match its sha256")
        if prompt.target_sha256 != target_sha256:
            problems.append(f"{where}: measured against another target")
        try:
            computed.append(_prompt_metrics(task, prompt))
        except (ValueError, OverflowError) as error:
            problems.append(f"{where}: cannot be computed again: {error}")
            continue
        problems += _sizes_and_masses(where, prompt, len(task.target.outcomes))
        problems += metric_differences(where, prompt.metrics, computed[-1])
        problems += _fit_differences(where, task, prompt)
        problems += _list_differences(where, task, prompt)
    if len(computed) < len(task.prompts):
        return problems, None
    problems += _preference_differences(task)
    means = mean_metrics(computed)
    problems += metric_differences(f"task {task.name}", task.metrics, means)
    prompts = [
        prompt.model_copy(update={"metrics": metrics})
        for prompt, metrics in zip(task.prompts, computed, strict=True)
    ]
    return problems, task.model_copy(update={"metrics": means, "prompts": prompts})


def _preference_differences(task: TaskResult) -> Iterator[str]:
    try:
        computed = first_option_preference(task.target.outcomes, task.prompts)
    except ValueError as error:
        yield f"task {task.name}: {error}"
        return
    if not agree(task.first_option_preference, computed):
        yield (
            f"task {task.name}: first_option_preference is {task.first_option_preference} "
            f"in the file but {computed} when computed again"
        )


def _hash_of(record: TargetRecord) -> str:
    """Compute a target's hash, once for all records that hold the same."""
    if _hashed.get(record.sha256) == record:
        return record.sha256
    target = Target(
        outcomes=tuple(record.outcomes),
        probabilities=tuple(record.probabilities),
        aliases=tuple(tuple(names) for names in record.aliases),
        values=None if record.values is None else tuple(record.values),
        listed_mass=record.listed_mass,
    )
    computed = target.sha256
    if computed == record.sha256 and len(_hashed) < _MOST_HASHED:
        _hashed[computed] = record
    return computed


def _is_uncorrected(task: TaskResult) -> bool:
    entries = [entry for prompt in task.prompts for entry in prompt.metrics.values()]
    counted = all(prompt.counts is not None for prompt in task.prompts)
    return (
        task.estimator == "sampled"
        and counted
        and all(entry.raw is None and entry.perfect is None for entry in entries)
    )


def _prompt_metrics(task: TaskResult, prompt: PromptResult) -> dict[str, MetricEntry]:
    counts, probabilities = prompt.counts, prompt.probabilities
    sampled, size = task.estimator == "sampled", len(task.target.outcomes)
    if (task.estimator == "expanded") != (prompt.exploration is not None):
        raise ValueError("expanded values, and no others, say what is unexplored")
    if prompt.lists is not None and sampled and len(counts or []) == size:
        return metrics_from_lists(task.target, prompt.lists.draws, prompt.lists.per_reply)
    if sampled and probabilities is None and counts is not None and len(counts) == size:
        return metrics_from_counts(task.target, counts, _n_invalid(prompt))
    if not sampled and counts is None and len(probabilities or []) == size:
        if prompt.exploration is not None:
            return metrics_from_exploration(
                task.target, probabilities or [], prompt.exploration
            )
        return metrics_from_probabilities(task.target, probabilities or [])
    raise ValueError(
        f"{task.estimator} values rest on {'counts' if sampled else 'probabilities'} of "
        f"the target's {size} outcomes, and on these alone"
    )


def _n_invalid(prompt: PromptResult) -> int:
    n_invalid = math.fsum(prompt.invalid.values())
    if not n_invalid.is_integer():
        raise ValueError(f"{n_invalid} is no number of invalid replies")
    return int(n_invalid)


def _sizes_and_masses(where: str, prompt: PromptResult, size: int) -> Iterator[str]:
    if prompt.support_size != size:
        yield (
            f"{where}: support_size is {prompt.support_size}, but the target has {size} "
            "outcomes"
        )
    if prompt.probabilities is not None:
        stored = sum(prompt.invalid.values())
        computed = max(0.0, 1.0 - sum(prompt.probabilities))
        if not agree(stored, computed):
            yield (
                f"{where}: the invalid mass is {stored} in the file but {computed} when "
                "computed again"
            )
    if prompt.commonest_invalid is not None:
        said = sum(one.count for one in prompt.commonest_invalid)
        drawn = 0 if prompt.counts is None else sum(prompt.invalid.values())
        if said > drawn:
            yield (
                f"{where}: the commonest invalid replies are {said}, but all invalid ones "
                f"{drawn:g}"
            )
    if prompt.exploration is not None and prompt.probabilities is not None:
        whole = sum(prompt.probabilities) + prompt.exploration.undecided
        if whole > 1 + _MASS_EXCESS:
            yield f"{where}: explored and undecided mass sum to {whole}"


def _flat(tests: Mapping[str, Any]) -> dict[str, float | None]:
    """Name each number of nested tests by its path."""
    flat: dict[str, float | None] = {}
    for name, one in tests.items():
        inner = one.items() if isinstance(one, dict) else [("", one)]
        flat |= {f"{name}.{key}".rstrip("."): value for key, value in inner}
    return flat
