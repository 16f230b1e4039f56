"""`diffbench models`: what `--model` can name."""

from __future__ import annotations

import click
from rich.table import Table

from diffbench.cli.output import console, echo_json, json_option, safe
from diffbench.errors import ModelError
from diffbench.models import demo_model_dir, model_aliases

__all__ = ["models"]


@click.group()
def models() -> None:
    """See what --model can name."""


@models.command("list")
@json_option
def list_models(*, as_json: bool) -> None:
    """List the demo model and the aliases of hub repositories."""
    aliases = model_aliases()
    if as_json:
        echo_json({"demo": str(demo_model_dir()), "aliases": aliases})
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("--model")
    table.add_column("what it is")
    table.add_row("demo", "the embedded demo model: small, synthetic, offline")
    for alias, repository in aliases.items():
        table.add_row(f"hf:{safe(alias)}", safe(repository))
    table.add_row("hf:<owner>/<name>", "any causal model of the Hugging Face hub")
    table.add_row("hf:<folder>", "a local folder with config, weights and tokenizer")
    console().print(table)


@models.command()
@click.argument("name")
@json_option
def path(name: str, *, as_json: bool) -> None:
    """Print the folder of an embedded model; NAME is demo."""
    if name != "demo":
        raise ModelError(f"{name!r} is not embedded; only demo has a path")
    folder = demo_model_dir()
    if as_json:
        echo_json({"path": str(folder)})
    else:
        click.echo(folder)
