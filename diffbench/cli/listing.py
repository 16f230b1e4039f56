"""Whether options gain by being listed first, in the terminal."""

from __future__ import annotations

from statistics import fmean

from rich.console import Console
from rich.text import Text

from diffbench.errors import printable
from diffbench.results import RunResult

__all__ = ["print_first_option"]


def print_first_option(console: Console, result: RunResult) -> None:
    """Print the mean preference of each family whose prompts list options in two orders."""
    by_family: dict[str, list[float]] = {}
    for task in result.tasks:
        if task.first_option_preference is not None:
            by_family.setdefault(task.family, []).append(task.first_option_preference)
    if not by_family:
        return
    means = {family: fmean(found) for family, found in by_family.items()}
    console.print(
        Text.assemble(
            ("\nFirst-option preference: ", "bold"), f"{fmean(means.values()):+.3f}"
        )
    )
    if len(means) > 1:
        for family, mean in means.items():
            console.print(Text(f"  {mean:+.3f}  {printable(family.replace('_', ' '))}"))
    console.print(
        "[dim]How much likelier an option is, among valid replies, where a prompt lists it "
        "first than where it lists it last: 0 for a model that heeds only the chances, 1 "
        "for one that takes the first[/]"
    )
