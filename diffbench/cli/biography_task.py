"""What a biography task asks for, in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from diffbench.cli.output import safe
from diffbench.suite import BiographyDefinition, Catalog

__all__ = ["biography_summary", "biography_table", "print_biography"]


def biography_table(catalog: Catalog, *, everything: bool) -> Table:
    """List the biography tasks; held-out ones only among everything."""
    table = Table(
        title="\nOpen-ended tasks", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("name", no_wrap=True)
    table.add_column("what is asked for")
    table.add_column("prompts", justify="right")
    for task in catalog.biographies.values():
        if everything or task.split == "train":
            n_prompts = str(len(task.measured_prompts))
            table.add_row(safe(task.name), safe(task.title), n_prompts)
    return table


def biography_summary(task: BiographyDefinition) -> dict[str, Any]:
    """Return a task for a machine to read."""
    return {
        "name": task.name,
        "title": task.title,
        "family": task.family,
        "split": task.split,
        "version": task.version,
        "file": task.file,
        "sketches": list(task.sketches),
        "references": {
            one.field: {"title": one.title, "target_sha256": one.target.sha256}
            for one in task.references
        },
        "prompts": [
            {
                "id": prompt.id,
                "split": prompt.split,
                "text": prompt.text,
                "prefix": prompt.prefix,
                "sha256": prompt.sha256,
            }
            for prompt in task.prompts
        ],
    }


def print_biography(out: Console, task: BiographyDefinition) -> None:
    """Print a task: what it compares with, its prompts, what it trains on."""
    out.print(f"[bold]{safe(task.name)}[/]  {safe(task.title)}")
    out.print("Open-ended: six fields in braces, measured from replies")
    for one in task.references:
        field = safe(one.field.replace("_", " "))
        out.print(f"Beside the {field} stands: {safe(one.title)}")
    if task.source is not None and task.source.attribution:
        out.print(f"Credit: {safe(task.source.attribution, 600)}")
    out.print("\n[bold]Prompts[/]")
    for prompt in task.prompts:
        mark = "" if prompt.split == task.split else "  (not in this task)"
        out.print(f"  {safe(prompt.id)} · {prompt.split}{mark}")
        for line in prompt.text.splitlines():
            out.print(f"    {safe(line, 2000)}", soft_wrap=True)
    if task.sketches:
        out.print(f"\n[bold]Trained on[/] {len(task.sketches)} beginnings of a reply:")
        for line in task.sketches[0].splitlines():
            out.print(f"    {safe(line)}")
