"""Results as tables for people: a row a task, the direction and unit in each header."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from diffbench.cli.output import safe
from diffbench.results import MetricEntry, RunResult, TaskResult
from diffbench.results.distribution import mean_distribution, most_overdrawn

__all__ = ["print_results"]

_HEADERS = (
    ("overlap\n0…1 ↑", "overlap"),
    ("of valid\n0…1 ↑", "overlap_valid"),
    ("valid mass\n0…1 ↑", "valid_mass"),
)


def print_results(console: Console, result: RunResult) -> None:
    """Print one table for all families with their means, and overall."""
    table = _table()
    for family in result.families:
        members = [task for task in result.tasks if task.family == family.name]
        for task in members:
            table.add_row(*_task_row(task))
        table.add_row(
            f"[bold]{safe(family.name)}[/], mean of {len(members)}",
            *_values(family.metrics, _mean_entropy(members)),
            "",
            style="bold",
            end_section=True,
        )
    if len(result.families) > 1:
        table.add_row(
            f"overall, mean of {len(result.families)} families",
            *_values(result.overall.metrics, _mean_entropy(result.tasks)),
            "",
            style="bold",
        )
    console.print(table)
    _print_notes(console, result)


def _table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("task", min_width=20, overflow="ellipsis", no_wrap=True)
    for header, _ in _HEADERS:
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("entropy\n/ target, nats", justify="right", no_wrap=True)
    table.add_column("KL\nnats ↓", justify="right", no_wrap=True)
    table.add_column("coverage\nat 100 ↑", justify="right", no_wrap=True)
    table.add_column("most over-drawn\n× its target", overflow="ellipsis", no_wrap=True)
    return table


def _task_row(task: TaskResult) -> list[str]:
    entropy = (task.metrics["entropy"].value, _target_entropy(task))
    return [safe(task.title, 40), *_values(task.metrics, entropy), _overdrawn(task)]


def _values(
    metrics: Mapping[str, MetricEntry], entropy: tuple[float | None, float]
) -> list[str]:
    return [
        *(_number(metrics[name].value) for _, name in _HEADERS),
        f"{_number(entropy[0], 2)} / {entropy[1]:.2f}",
        _number(metrics["kl"].value),
        _number(metrics["coverage_100"].value),
    ]


def _number(value: float | None, digits: int = 3) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


def _overdrawn(task: TaskResult) -> str:
    found = most_overdrawn(task)
    if found is None:
        return "—"
    outcome, ratio = found
    shown = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
    return f"{safe(outcome, 18)} ×{shown}"


def _target_entropy(task: TaskResult) -> float:
    return -math.fsum(p * math.log(p) for p in task.target.probabilities if p > 0)


def _mean_entropy(tasks: Sequence[TaskResult]) -> tuple[float | None, float]:
    # Families weigh alike in the overall row, as they do in every other column.
    families = list(dict.fromkeys(task.family for task in tasks))
    measured, targets = [], []
    for family in families:
        members = [task for task in tasks if task.family == family]
        values = [task.metrics["entropy"].value for task in members]
        if any(value is None for value in values):
            measured.append(None)
        else:
            measured.append(math.fsum(v for v in values if v is not None) / len(values))
        targets.append(math.fsum(_target_entropy(task) for task in members) / len(members))
    known = [value for value in measured if value is not None]
    mean = math.fsum(known) / len(known) if len(known) == len(measured) else None
    return mean, math.fsum(targets) / len(targets)


def _print_notes(console: Console, result: RunResult) -> None:
    labels = sorted({task.estimator for task in result.tasks})
    sampled = any(task.estimator == "sampled" for task in result.tasks)
    notes = [
        "overlap = Σ min(target, model), invalid replies included; 1 is a perfect sampler. "
        "“of valid” leaves invalid replies out."
    ]
    if sampled:
        notes.append(
            "Sampled values are plug-in estimates: at a finite number of replies even a "
            "perfect sampler's overlap and entropy fall short of the target's."
        )
    missing = _missing_reasons(result)
    if missing:
        notes.append(f"— means no value: {missing}")
    notes += [
        f"{safe(task.name)}: the target lists {task.target.listed_mass:.0%} of the true "
        "probability; an unlisted answer earns no credit and counts outside valid mass."
        for task in result.tasks
        if task.target.listed_mass < 1
    ]
    console.print(f"[dim]Estimator: {', '.join(labels)}. " + "\n".join(notes) + "[/]")


def _missing_reasons(result: RunResult) -> str:
    reasons = {
        prompt.metrics[name].reason
        for task in result.tasks
        for prompt in task.prompts
        for name in ("overlap", "overlap_valid", "entropy", "kl", "coverage_100")
        if prompt.metrics[name].value is None
    }
    shown = sorted(safe(reason) for reason in reasons if reason)
    more = f"; and {len(shown) - 2} more reasons" if len(shown) > 2 else ""
    return "; ".join(shown[:2]) + more
