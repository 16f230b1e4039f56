"""`diffbench run`: measure a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diffbench.cli.output import console, echo_json, json_option, safe
from diffbench.cli.progress import RunProgress
from diffbench.errors import ServerError, printable
from diffbench.options import RunOptions, check_temperatures

if TYPE_CHECKING:
    from diffbench.api import PreparedRun
    from diffbench.results import RunResult

__all__ = ["run"]

_INTERRUPTED = 130
_SLOWER = {
    "shared": "in rows behind their prompt's cache",
    "plain": "in plain rows",
}


class _Temperatures(click.ParamType[tuple[float, ...]]):
    """Numbers separated by commas."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(
                f"{printable(value)!r} is no number, nor several with commas between them "
                "(0.7,1,1.5)",
                param,
                ctx,
            )


TEMPERATURES = _Temperatures()


@click.command(short_help="Measure a model.")
@click.option(
    "--model",
    required=True,
    help="demo, hf:<folder>, hf:<owner/name> or hf:<alias> (`diffbench models list`); "
    "vllm:<the same>, to run it in vLLM; api:<model>@<base url>, for an "
    "OpenAI-compatible server, with its key in OPENAI_API_KEY.",
)
@click.option(
    "--adapter",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a PEFT adapter to put on the model.",
)
@click.option(
    "--tasks",
    default="diffbench_core",
    show_default=True,
    help="Names of tasks or groups, separated by commas; or a task file, a prompt file, "
    "or a folder of them.",
)
@click.option(
    "--estimator",
    type=click.Choice(["auto", "exact", "exact-canonical", "sample", "expand"]),
    default="auto",
    show_default=True,
    help="auto: as each task's name says, exact for most; from replies in vLLM and behind "
    "an API. exact-canonical: as the plain lm-eval harness scores. sample: draw replies. "
    "expand: every tokenisation, with certified bounds, and what is said instead.",
)
@click.option(
    "--epsilon",
    default=1e-3,
    show_default=True,
    help="Probability that --estimator expand may leave undecided.",
)
@click.option(
    "--protocol",
    type=click.Choice(["independent", "list"]),
    default="independent",
    show_default=True,
    help="list: ask for several answers in one reply, and read them all (from replies).",
)
@click.option(
    "--draws-per-reply",
    type=int,
    help="Answers in a reply of --protocol list.  [default: 10]",
)
@click.option(
    "--samples",
    type=int,
    help="Replies a prompt.  [default: 1000; 100 from an API or of lists; 200 biographies]",
)
@click.option(
    "--max-new-tokens",
    type=int,
    help="Longest reply, in tokens.  [default: 64; 32 a draw of lists; 256 biographies]",
)
@click.option("--seed", default=0, show_default=True, help="Seed of all sampling.")
@click.option(
    "--temperature",
    "temperatures",
    type=TEMPERATURES,
    default="1.0",
    show_default=True,
    help="Divides the logits. This and the next three apply to exact values too. Several, "
    "as in 0.7,1,1.5: a row each, exact values of all in one pass.",
)
@click.option("--top-p", default=1.0, show_default=True, help="Nucleus sampling.")
@click.option("--top-k", default=0, show_default=True, help="The k likeliest; 0 is all.")
@click.option("--min-p", default=0.0, show_default=True, help="Share of the likeliest.")
@click.option("--limit", type=int, help="Only the first prompts of each task.")
@click.option(
    "--answer-rule",
    type=click.Choice(["first", "anywhere"]),
    default="first",
    show_default=True,
    help="Where in a reply the answer may stand (anywhere: sample and expand only).",
)
@click.option("--batch-size", default=32, show_default=True, help="Rows of a batch.")
@click.option("--concurrency", type=int, help="Calls to an API at one time.  [default: 8]")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, …; spread: the layers over all GPUs.",
)
@click.option(
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    default="auto",
    show_default=True,
    help="auto: float32 on a CPU, the model's own elsewhere.",
)
@click.option("--revision", help="Branch, tag or commit of a hub repository.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the results.  [default: a new one below runs/]",
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in --output.")
@click.option(
    "--trust-remote-code",
    is_flag=True,
    help="Run Python code that comes with the model.",
)
@click.option("--verbose", is_flag=True, help="Let the libraries' messages through.")
@json_option
def run(
    *, as_json: bool, tasks: str, temperatures: tuple[float, ...], **values: Any
) -> None:
    """Measure whether a model draws from the distributions it is asked for."""
    names = tuple(name.strip() for name in tasks.split(",") if name.strip())
    options = RunOptions(tasks=names, temperature=temperatures[0], **values)
    check_temperatures(options, temperatures)
    from diffbench.api import prepare

    prepared = prepare(options)
    err = console(stderr=True)
    for sentence in prepared.left_out:
        err.print(f"[yellow]Left out:[/] {safe(sentence, 400)}")
    finished, folder = _measure(prepared, temperatures)
    if as_json:
        records = [
            {"output": str(place), **result.model_dump(mode="json")}
            for result, place in finished
        ]
        echo_json(records[0] if len(records) == 1 else {"runs": records})
        return
    _print_report([result for result, _ in finished], folder)


def _measure(
    prepared: PreparedRun, temperatures: tuple[float, ...]
) -> tuple[list[tuple[RunResult, Path]], Path]:
    with RunProgress() as progress:
        try:
            if len(temperatures) > 1:
                return prepared.sweep(temperatures, progress)
            result, folder = prepared.start(progress)
            return [(result, folder)], folder
        except KeyboardInterrupt:
            _say_interrupted(progress)
            raise click.exceptions.Exit(_INTERRUPTED) from None
        except ServerError as error:
            if not progress.kept:
                raise
            raise ServerError(f"{error}. {_how_to_go_on(progress)}") from None


def _say_interrupted(progress: RunProgress) -> None:
    if progress.output is None:
        click.echo("Stopped before any task began.", err=True)
        return
    click.echo(f"Stopped. {_how_to_go_on(progress)}", err=True)


def _how_to_go_on(progress: RunProgress) -> str:
    return (
        f"{progress.kept}; go on with the same options and --output {progress.output} "
        "--resume"
    )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _print_report(results: Sequence[RunResult], folder: Path) -> None:
    from diffbench.cli.bars import print_worst_task
    from diffbench.cli.biographies import print_biographies
    from diffbench.cli.instead import print_instead
    from diffbench.cli.listing import print_first_option
    from diffbench.cli.sampling import doubts
    from diffbench.cli.tables import print_results

    out = console()
    result = results[0]
    prompts = [len(task.prompts) for task in result.tasks]
    prompts += [len(task.prompts) for task in result.biographies]
    kind = "  [yellow](synthetic: a made-up specimen)[/]" if result.model.synthetic else ""
    out.print(
        f"\n[bold]{safe(result.model.id)}[/]{kind}  {_count(len(prompts), 'task')}, "
        f"{_count(sum(prompts), 'prompt')}, "
        f"{sum(one.run.duration_s for one in results):.0f} s\n"
    )
    if result.run.scoring_path in _SLOWER:
        out.print(
            "[yellow]This model does not honour packed attention masks, so answers were "
            f"scored {_SLOWER[result.run.scoring_path]}: slower, and as exact.[/]\n"
        )
    found = result.run.independence
    if found is not None and found.verdict == "unproven":
        why = "; ".join(doubts(found)) or "it was not tested"
        out.print(
            f"[yellow]It is not shown that the replies are independent draws: {why}.[/]\n"
        )
    if result.tasks:
        print_results(out, *results)
    print_biographies(out, results)
    if len(results) > 1:
        out.print(
            f"\nResults: [bold]{safe(folder)}/temperature-…/results.json[/]", soft_wrap=True
        )
        return
    print_worst_task(out, result)
    print_first_option(out, result)
    print_instead(out, result)
    out.print(f"\nResults: [bold]{safe(folder)}/results.json[/]", soft_wrap=True)
    out.print(f"Check them at any time: diffbench verify {safe(folder)}", soft_wrap=True)
