"""Results as tables for people: a row a task, the direction and unit in each header."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffbench.cli.instead import bound_note
from diffbench.cli.output import percent
from diffbench.cli.sampling import sampling_notes
from diffbench.errors import printable
from diffbench.results import MetricEntry, RunResult, TaskResult
from diffbench.results.distribution import most_overdrawn

__all__ = ["print_results"]

_NEGLIGIBLE = 1e-6  # Tails of infinite supports, cut far below what shows.
_SHARES = ("overlap", "overlap_valid", "valid_mass")
# Header and width: the columns, a name and an outcome have to fit 80 characters.
_EXACT_COLUMNS = (
    ("over-\nlap\n0…1 ↑", 5),
    ("of\nvalid\n0…1 ↑", 5),
    ("valid\nmass\n0…1 ↑", 5),
    ("entropy\n/ target\nnats", 9),
    ("KL\n\nnats ↓", 6),
    ("cover-\nage 100\n0…1 ↑", 7),
)
_SAMPLED_COLUMNS = (
    ("over-\nlap\n0…1 ↑", 5),
    ("95 %\ninter-\nval", 7),
    ("raw\nover-\nlap", 5),
    ("of\nvalid\n0…1 ↑", 5),
    ("valid\nmass\n0…1 ↑", 5),
    ("entropy\n/ target\nnats", 9),
    ("cover-\nage\n100 ↑", 6),
)

_TEMPERATURE_WIDTH = 5
_LEAST_WIDTH = 80
_MOST_TEXT = 64
_NAME_SHARE = 0.56


def print_results(console: Console, result: RunResult, *others: RunResult) -> None:
    """Print the tasks by family with their means, then the mean over families.

    `others` are runs of the same tasks at other temperatures: each task then has a row
    for each run, in their order.
    """
    runs = (result, *others)
    columns = _SAMPLED_COLUMNS if is_sampled(result) else _EXACT_COLUMNS
    table = _table(console.width, columns, with_temperature=len(runs) > 1)
    for family in result.families:
        table.add_row(_text(family.name.replace("_", " ")), style="bold")
        places = [i for i, task in enumerate(result.tasks) if task.family == family.name]
        for place in places:
            _add_rows(table, runs, [_task_row(run, run.tasks[place]) for run in runs])
        if len(places) > 1:
            rows = [_family_row(run, family.name) for run in runs]
            _add_rows(table, runs, rows, style="bold")
        if any(result.tasks[place].estimator == "sampled" for place in places):
            row = _perfect_row(runs[0], [family.name], family.metrics)
            _add_rows(table, runs[:1], [row], style="dim")
        table.add_row("")
    if len(result.families) > 1:
        _add_rows(table, runs, [_overall_row(run) for run in runs], style="bold")
        if is_sampled(result):
            names, metrics = result.overall.members, result.overall.metrics
            row = _perfect_row(runs[0], names, metrics)
            _add_rows(table, runs[:1], [row], style="dim")
    console.print(table)
    _print_notes(console, result, with_temperature=len(runs) == 1)


def _add_rows(
    table: Table,
    runs: Sequence[RunResult],
    rows: Sequence[Sequence[str | Text]],
    style: str | None = None,
) -> None:
    """Add one thing's row of each run; its name stands in the first only."""
    for i, (run, (name, *cells)) in enumerate(zip(runs, rows, strict=True)):
        # The perfect sampler's row is one for all temperatures.
        temperature = [f"{run.settings.temperature:g}"] if len(runs) > 1 else []
        missing = len(table.columns) - len(cells) - len(temperature) - 1
        table.add_row(
            name if i == 0 else "", *temperature, *[""] * missing, *cells, style=style
        )


def is_sampled(result: RunResult) -> bool:
    """Whether any of the values rest on replies."""
    return any(task.estimator == "sampled" for task in result.tasks)


def _family_row(run: RunResult, name: str) -> list[str | Text]:
    (family,) = (family for family in run.families if family.name == name)
    means = _values(run, family.metrics, _mean_target_entropy(run, [name]))
    return [f" mean of {len(family.members)} tasks", *means, ""]


def _overall_row(run: RunResult) -> list[str | Text]:
    overall = run.overall
    means = _values(run, overall.metrics, _mean_target_entropy(run, overall.members))
    return [f"mean of {len(overall.members)} families", *means, ""]


def _table(
    width: int, columns: Sequence[tuple[str, int]], *, with_temperature: bool
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    numeric = sum(column + 1 for _, column in columns)
    numeric += _TEMPERATURE_WIDTH + 1 if with_temperature else 0
    text = min(max(width, _LEAST_WIDTH) - numeric - 1, _MOST_TEXT)
    name = round(text * _NAME_SHARE)
    table.add_column("\n\ntask", overflow="ellipsis", no_wrap=True, width=name)
    if with_temperature:
        header = "temp-\nera-\nture"
        table.add_column(header, justify="right", no_wrap=True, width=_TEMPERATURE_WIDTH)
    for header, column in columns:
        table.add_column(header, justify="right", no_wrap=True, width=column)
    header = "most over-\ndrawn,\n× target"
    table.add_column(header, overflow="ellipsis", no_wrap=True, width=text - name)
    return table


def _text(text: str) -> Text:
    """Show a name as it is: neither markup nor an emoji's code means anything."""
    return Text(printable(text))


def _task_row(run: RunResult, task: TaskResult) -> list[str | Text]:
    return [
        _text(f" {task.title}"),
        *_values(run, task.metrics, _target_entropy(task)),
        _overdrawn(task),
    ]


def _perfect_row(
    run: RunResult, families: Sequence[str], metrics: Mapping[str, MetricEntry]
) -> list[str | Text]:
    """Return what a model that draws as asked has, and shows at as many replies."""
    nats = _mean_target_entropy(run, families)
    overlap, coverage = metrics["overlap"].perfect, metrics["coverage_100"].perfect
    valid = _number(metrics["valid_mass"].perfect)
    shown = [_number(1.0), "", _number(overlap), _number(1.0), valid]
    return [" perfect sampler", *shown, f"{nats:.2f}/{nats:.2f}", _number(coverage), ""]


def _values(
    run: RunResult, metrics: Mapping[str, MetricEntry], target_entropy: float
) -> list[str]:
    shares = [_number(metrics[name].value) for name in _SHARES]
    entropy = f"{_number(metrics['entropy'].value, 2)}/{target_entropy:.2f}"
    coverage = _number(metrics["coverage_100"].value)
    if is_sampled(run):
        overlap = metrics["overlap"]
        shares[1:1] = [_interval(overlap), _number(overlap.raw)]
        return [*shares, entropy, coverage]
    return [*shares, entropy, _number(metrics["kl"].value), coverage]


def _interval(entry: MetricEntry) -> str:
    if entry.interval is None:
        return "—"
    ends = (f"{end:.2f}" for end in (entry.interval.lo, entry.interval.hi))
    # Without the leading zero, seven characters hold both ends.
    return "–".join("1" if end == "1.00" else end.removeprefix("0") for end in ends)


def _number(value: float | None, digits: int = 3) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


def _overdrawn(task: TaskResult) -> Text:
    found = most_overdrawn(task)
    if found is None:
        return _text("—")
    outcome, ratio = found
    shown = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
    return _text(f"×{shown} {outcome}")


def _target_entropy(task: TaskResult) -> float:
    return -math.fsum(p * math.log(p) for p in task.target.probabilities if p > 0)


def _mean_target_entropy(result: RunResult, families: Sequence[str]) -> float:
    # Families weigh alike in the overall row, as they do in every other column.
    return fmean(
        fmean(_target_entropy(task) for task in result.tasks if task.family == family)
        for family in families
    )


def _print_notes(console: Console, result: RunResult, *, with_temperature: bool) -> None:
    labels = sorted({task.estimator for task in result.tasks})
    notes = [
        "overlap = Σ min(target, model), invalid replies included; 1 is a perfect sampler. "
        "“of valid” leaves invalid replies out."
    ]
    if is_sampled(result):
        notes += sampling_notes(result)
    certified = bound_note(result)
    if certified:
        notes.append(certified)
    missing = _missing_reasons(result)
    if missing:
        notes.append(f"— means no value: {missing}")
    listed = _listed_shares(result)
    if listed:
        notes.append(
            f"What the target lists of the true probability: {listed}. An unlisted answer "
            "earns no credit and counts outside valid mass."
        )
    text = (
        f"Estimator: {', '.join(labels)}{_decoding(result, with_temperature)}. "
        + "\n".join(notes)
    )
    console.print(Text(text, style="dim"))


def _decoding(result: RunResult, with_temperature: bool) -> str:
    """Name the settings that are not those of the model's own distribution."""
    settings, said = result.settings, []
    if with_temperature and settings.temperature != 1:
        said.append(f"temperature {settings.temperature:g}")
    if settings.top_p < 1:
        said.append(f"top-p {settings.top_p:g}")
    if settings.top_k:
        said.append(f"top-k {settings.top_k}")
    if settings.min_p:
        said.append(f"min-p {settings.min_p:g}")
    return f", at {', '.join(said)}" if said else ""


def _shown(result: RunResult) -> tuple[str, ...]:
    names = ("overlap", "overlap_valid", "entropy", "coverage_100")
    return names if is_sampled(result) else (*names, "kl")


def _listed_shares(result: RunResult) -> str:
    return ", ".join(
        f"{printable(task.name)} {percent(task.target.listed_mass)}"
        for task in result.tasks
        if task.target.listed_mass < 1 - _NEGLIGIBLE
    )


def _missing_reasons(result: RunResult) -> str:
    reasons = {
        prompt.metrics[name].reason
        for task in result.tasks
        for prompt in task.prompts
        for name in _shown(result)
        if prompt.metrics[name].value is None
    }
    shown = sorted(printable(reason) for reason in reasons if reason)
    more = f"; and {len(shown) - 2} more" if len(shown) > 2 else ""
    return "; ".join(shown[:2]) + more
