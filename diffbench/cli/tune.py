"""`diffbench tune`: make an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from diffbench.cli.names import NAMES
from diffbench.cli.output import console, echo_json, json_option, safe
from diffbench.cli.tune_progress import TuningProgress
from diffbench.tuning.options import TuneOptions

if TYPE_CHECKING:
    from rich.console import Console

    from diffbench.tuning.record import TuneRecord
    from diffbench.tuning.tune import Tuned

__all__ = ["print_retention", "tune"]

_INTERRUPTED = 130
_STUDIES = ("leave-one-out", "leave-one-in", "cross-range", "instructed")


@click.command(short_help="Make a LoRA adapter that draws as asked.")
@click.option(
    "--model",
    required=True,
    help="demo, hf:<folder>, hf:<owner/name> or hf:<alias> (`diffbench models list`).",
)
@click.option(
    "--recipe",
    help="A shipped recipe (all, numbers, paper, guarded, …; a wrong name lists them) or "
    "a recipe file.",
)
@click.option(
    "--study",
    type=click.Choice(_STUDIES),
    help="Instead of one recipe: several trainings, and one table of what generalises.",
)
@click.option(
    "--tasks",
    type=NAMES,
    help="Train these instead of the recipe's: names of tasks or groups, prompt files or "
    "folders of them, separated by commas.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the adapter.  [default: a new one below runs/]",
)
@click.option(
    "--retention",
    type=NAMES,
    help="What must not change: plain (plain questions), or tasks of the lm-eval "
    "harness, separated by commas.  [default: plain for demo, nothing for others]",
)
@click.option(
    "--no-evaluate",
    "evaluate",
    flag_value=False,
    default=True,
    help="Do not measure the base and the tuned model afterwards.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of everything random.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, …; spread: the layers over all GPUs.",
)
@click.option(
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="auto: float32 on a CPU, the model's own elsewhere.",
)
@click.option(
    "--max-tokens",
    default=2048,
    show_default=True,
    help="Most tokens in one forward pass; less takes less memory, to the same result.",
)
@click.option(
    "--gradient-checkpointing",
    is_flag=True,
    help="Less memory for more time, to the same result.",
)
@click.option("--revision", help="Branch, tag or commit of a hub repository.")
@click.option(
    "--resume", is_flag=True, help="Go on with the interrupted tuning in --output."
)
@click.option(
    "--trust-remote-code",
    is_flag=True,
    help="Run Python code that comes with the model.",
)
@click.option("--verbose", is_flag=True, help="Let the libraries' messages through.")
@json_option
def tune(*, recipe: str | None, study: str | None, as_json: bool, **values: Any) -> None:
    """Train a LoRA adapter towards the distributions that prompts ask for.

    Shows the loss beside the least that any model can have, then what changed: trained
    and held-out prompts, and what should not have changed.
    """
    if (recipe is None) == (study is None):
        raise click.UsageError("give either --recipe or --study")
    if study is not None:
        from diffbench.cli.study import run_study

        run_study(study, values, as_json=as_json)
        return
    options = TuneOptions(recipe=str(recipe), **values)
    from diffbench.api import prepare_tuning

    prepared = prepare_tuning(options)
    err = console(stderr=True)
    for sentence in prepared.left_out:
        err.print(f"[yellow]Left out:[/] {safe(sentence, 400)}")
    with TuningProgress() as progress:
        try:
            tuned = prepared.start(progress)
        except KeyboardInterrupt:
            click.echo(f"Stopped. {progress.how_to_go_on}", err=True)
            raise click.exceptions.Exit(_INTERRUPTED) from None
    if as_json:
        _echo(tuned)
    else:
        print_tuned(console(), tuned)


def _echo(tuned: Tuned) -> None:
    from dataclasses import asdict

    from diffbench.cli.biography_deltas import biographies_json

    record = tuned.record.model_dump(mode="json")
    comparison = None if tuned.comparison is None else asdict(tuned.comparison)
    people = None
    if tuned.evaluated is not None:
        people = biographies_json(tuned.evaluated.biographies)
    echo_json(
        {
            "output": str(tuned.output),
            "tune": record,
            "comparison": comparison,
            "biographies": people,
        }
    )


def print_tuned(out: Console, tuned: Tuned) -> None:
    """Print how the training went, what changed, and where the adapter is."""
    from diffbench.cli.biography_deltas import print_biography_deltas
    from diffbench.cli.deltas import print_comparison

    record = tuned.record
    kind = "  [yellow](synthetic: a made-up specimen)[/]" if record.base.synthetic else ""
    out.print(
        f"\n[bold]{safe(record.base.id)}[/]{kind} tuned by recipe "
        f"[bold]{safe(record.recipe_name)}[/]: {len(record.prompts)} prompts, "
        f"{len(record.curve)} passes, {record.seconds:.0f} s"
    )
    kept = record.curve[-1 if record.best_pass is None else record.best_pass]
    out.print(
        f"Loss {record.curve[0].loss:.3f} → {kept.loss:.3f} nats a prompt; the least "
        f"possible is {record.optimum:.3f}.{_ended(record)}\n"
    )
    if record.loss_path == "plain":
        out.print(
            "[yellow]This model does not honour packed attention masks, so every outcome "
            "was trained in a row of its own: slower, to the same result.[/]\n"
        )
    if tuned.evaluated is not None:
        if tuned.evaluated.comparison.tasks:
            print_comparison(out, tuned.evaluated.comparison)
        print_biography_deltas(out, tuned.evaluated.biographies)
        out.print()
    print_retention(out, tuned)
    shown = safe(tuned.output)
    out.print(f"Adapter: [bold]{shown}[/]", soft_wrap=True)
    out.print(
        f"Measure it: diffbench run --model {safe(record.base.spec)} --adapter {shown}",
        soft_wrap=True,
    )


def print_retention(out: Console, tuned: Tuned) -> None:
    """Print what should not have changed, or that it was not probed."""
    if not tuned.record.retention:
        out.print(
            "[dim]What should not change was not probed; --retention names lm-eval tasks "
            "for it.[/]\n"
        )
        return
    for one in tuned.record.retention:
        name = "plain questions" if one.name == "plain" else one.name
        style = {"kept": "green", "better": "green", "worse": "bold red"}[one.verdict]
        out.print(
            Text.assemble(
                "What should not change: ",
                f"{name} {one.before:.3f} → {one.after:.3f}, ",
                (one.verdict, style),
                f" (band {one.band_lo:.3f} … {one.band_hi:.3f}, n = {one.n})",
            )
        )
    out.print("")


def _ended(record: TuneRecord) -> str:
    said = {
        None: "",
        "gamma": " Stopped early, as the recipe says: near enough.",
        "held_out": " Stopped early: the held-out loss no longer fell.",
    }[record.stopped]
    if record.best_pass is None:
        return said
    return f"{said} Kept: pass {record.best_pass + 1}, the best on held-out prompts."
