"""The documents say what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from diffbench.cli.main import main
from diffbench.metrics import METRICS, SAMPLED_METRICS
from diffbench.suite import load_task_file
from diffbench.tuning.recipe import read_recipe, recipe_names

ROOT = Path(__file__).parents[1]


def test_every_metric_and_its_formula_is_documented() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for metric in (*METRICS, *SAMPLED_METRICS):
        formula = metric.formula.replace("|", r"\|")
        assert f"| `{metric.name}` | `{formula}` |" in text


def test_the_example_task_is_sound(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[0]
    path = tmp_path / "my_colours.yaml"
    path.write_text(example)
    assert load_task_file(path).target.outcomes == ("red", "yellow", "blue")


def _documented_commands() -> list[str]:
    commands = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("diffbench "):
                commands.append(re.split(r"\s{3,}", line)[0])
    return commands


@pytest.mark.parametrize("line", _documented_commands())
def test_documented_commands_exist(line: str) -> None:
    """Parse every command line of the documents as click would, without running it."""
    command: click.Command = main
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(line, words)


@pytest.mark.parametrize("first", ["make demo", "make test"])
def test_the_two_commands_come_first(first: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert first in text[:200]


def test_every_shipped_recipe_is_documented() -> None:
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    for name in recipe_names():
        group, _, _ = name.partition("/")
        assert f"`{name}`" in text or f"`{group}/…`" in text


def test_the_example_recipe_is_sound(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[0]
    path = tmp_path / "my.yaml"
    path.write_text(example)
    assert read_recipe(str(path)).guard is not None
