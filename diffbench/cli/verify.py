"""`diffbench verify`: compute a results file's numbers again."""

from __future__ import annotations

from pathlib import Path

import click

from diffbench.cli.output import echo_json, json_option
from diffbench.errors import printable

__all__ = ["verify"]


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@json_option
def verify(result: Path, *, as_json: bool) -> None:
    """Compute every number of RESULT again, from the file alone.

    RESULT is a results.json, also under gzip, or the folder that holds it. Exit code 2
    if the file is broken or any number does not follow from it.
    """
    from diffbench.results import load_results, verify_result

    loaded = load_results(result)
    problems = verify_result(loaded)
    n_numbers = sum(len(prompt.metrics) for task in loaded.tasks for prompt in task.prompts)
    n_numbers += sum(
        len(prompt.metrics) for task in loaded.biographies for prompt in task.prompts
    )
    n_tasks = len(loaded.tasks) + len(loaded.biographies)
    if as_json:
        echo_json({"path": str(result), "verified": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            click.echo(f"Error: {printable(problem, 400)}", err=True)
    else:
        click.echo(
            f"{result}: all numbers follow from the file ({n_numbers} values of "
            f"{n_tasks} tasks, their means, and the content hash)."
        )
    if problems:
        raise click.exceptions.Exit(2)
