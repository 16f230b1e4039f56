"""`diffbench tasks`: list, show, path and validate."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from diffbench.assets import asset_dir
from diffbench.cli.biography_task import (
    biography_summary,
    biography_table,
    print_biography,
)
from diffbench.cli.output import console, echo_json, json_option, percent, safe
from diffbench.errors import TaskError, printable
from diffbench.suite import (
    Catalog,
    Prompt,
    Source,
    TaskDefinition,
    check_folder,
    shipped_catalog,
)

__all__ = ["tasks"]

_SHOWN_OUTCOMES = 12


@click.group()
def tasks() -> None:
    """See the tasks, and check your own."""


@tasks.command("list")
@json_option
@click.option("--all", "everything", is_flag=True, help="Include held-out and sampled.")
def list_tasks(*, as_json: bool, everything: bool) -> None:
    """List tasks and groups."""
    catalog = shipped_catalog()
    chosen = [
        task
        for task in catalog.tasks.values()
        if everything or as_json or (task.mode == "exact" and task.split == "train")
    ]
    if as_json:
        echo_json(
            {
                "groups": {name: list(g.tasks) for name, g in catalog.groups.items()},
                "tasks": [_summary(task) for task in chosen],
                "biographies": [
                    biography_summary(task) for task in catalog.biographies.values()
                ],
            }
        )
        return
    out = console()
    out.print(_task_table(chosen))
    out.print(biography_table(catalog, everything=everything))
    out.print(_group_table(catalog))
    if not everything:
        out.print(
            "Most tasks also exist as [bold]…_heldout[/] (prompts that no recipe trains "
            "on) and, with a target, as\n[bold]…_sampled[/] (measured from replies); "
            "groups too. `--all` lists them."
        )


@tasks.command()
@click.argument("name")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show one task: prompts, outcomes, probabilities, answers.

    NAME is a task's name, a task file (.yaml) or a prompt file (.json).
    """
    selection = shipped_catalog().select([name])
    if len(selection.tasks) > 1:
        names = ", ".join(task.name for task in selection.tasks)
        raise TaskError(f"{name} is a group; show one of its tasks: {names}")
    if selection.biographies:
        open_ended = selection.biographies[0]
        if as_json:
            echo_json(biography_summary(open_ended))
        else:
            print_biography(console(), open_ended)
        return
    task = selection.tasks[0]
    if as_json:
        echo_json(_full(task))
        return
    _print_task(task)


@tasks.command()
@json_option
def path(*, as_json: bool) -> None:
    """Print the task folder, for lm-eval's --include_path."""
    folder = asset_dir("tasks")
    if as_json:
        echo_json({"path": str(folder)})
    else:
        click.echo(folder)


@tasks.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@json_option
def validate(folder: Path | None, *, as_json: bool) -> None:
    """Check task files; FOLDER is a folder or a file, by default DiffBench's own.

    Exit code 2 if any is broken.
    """
    where = folder or asset_dir("tasks")
    if not where.exists():
        raise TaskError(f"{where}: there is no such file or folder")
    problems = check_folder(where)
    if as_json:
        echo_json({"path": str(where), "sound": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            click.echo(f"Error: {printable(problem, 1000)}", err=True)
    else:
        click.echo(f"{where}: every task file is sound.")
    if problems:
        raise click.exceptions.Exit(2)


def _summary(task: TaskDefinition) -> dict[str, Any]:
    return {
        "name": task.name,
        "title": task.title,
        "family": task.family,
        "mode": task.mode,
        "split": task.split,
        "reference": task.reference,
        "outcomes": task.target.size,
        "prompts": len(task.measured_prompts),
        "entropy_nats": task.target.entropy_nats,
        "listed_mass": task.target.listed_mass,
    }


def _full(task: TaskDefinition) -> dict[str, Any]:
    return {
        **_summary(task),
        "version": task.version,
        "file": task.file,
        "target_sha256": task.target.sha256,
        "source": None if task.source is None else asdict(task.source),
        "prompts": [_prompt(prompt) for prompt in task.prompts],
        "outcomes": [
            {
                "outcome": name,
                "probability": task.target.probabilities[i],
                "value": None if task.target.values is None else task.target.values[i],
                "answer": task.canonical_answers()[i],
                "accepted": list(task.key.answers(i)),
            }
            for i, name in enumerate(task.target.outcomes)
        ],
    }


def _prompt(prompt: Prompt) -> dict[str, str]:
    return {
        "id": prompt.id,
        "split": prompt.split,
        "text": prompt.text,
        "prefix": prompt.prefix,
        "sha256": prompt.sha256,
    }


def _task_table(chosen: list[TaskDefinition]) -> Table:
    table = Table(title="Tasks", title_justify="left", box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for header in ("what is asked for", "reference"):
        table.add_column(header)
    for header in ("outcomes", "entropy\n(nats)", "prompts"):
        table.add_column(header, justify="right")
    for task in chosen:
        table.add_row(
            safe(task.name),
            safe(task.title),
            task.reference,
            str(task.target.size),
            f"{task.target.entropy_nats:.3f}",
            str(len(task.measured_prompts)),
        )
    return table


def _group_table(catalog: Catalog) -> Table:
    table = Table(title="\nGroups", title_justify="left", box=None, pad_edge=False)
    table.add_column("name")
    table.add_column("tasks", justify="right")
    for name, group in catalog.groups.items():
        if not name.endswith("_sampled"):
            table.add_row(safe(name), str(len(group.tasks)))
    return table


def _print_source(out: Console, source: Source) -> None:
    lines = {
        "Source": source.source,
        "Listed": source.rule,
        "Found at": source.url,
        "Licence": source.licence,
        "Credit": source.attribution,
    }
    for header, text in lines.items():
        if text:
            out.print(f"{header}: {safe(text, 600)}")


def _print_task(task: TaskDefinition) -> None:
    out = console()
    out.print(f"[bold]{safe(task.name)}[/]  {safe(task.title)}")
    out.print(
        f"{task.target.size} outcomes, {task.reference} target, entropy "
        f"{task.target.entropy_nats:.3f} nats, measured {task.mode}"
    )
    if task.target.listed_mass < 1:
        out.print(
            f"The listed outcomes hold {percent(task.target.listed_mass)} of the true "
            "probability; the rest is a tail that earns no credit."
        )
    if task.source is not None:
        _print_source(out, task.source)
    out.print("\n[bold]Prompts[/]")
    for prompt in task.prompts:
        mark = "" if prompt.split == task.split else "  (not in this task)"
        out.print(f"  {safe(prompt.id)} · {prompt.split}{mark}")
        out.print(f"    {safe(prompt.text, 2000)}", soft_wrap=True)
    out.print("\n[bold]Outcomes[/]")
    for i in range(min(task.target.size, _SHOWN_OUTCOMES)):
        answers = "  ".join(safe(answer) for answer in task.key.answers(i))
        out.print(f"  {task.target.probabilities[i]:.4f}  {answers}")
    if task.target.size > _SHOWN_OUTCOMES:
        out.print(f"  … {task.target.size - _SHOWN_OUTCOMES} more; --json shows all")
