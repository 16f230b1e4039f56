from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from diffbench.cli.main import main
from diffbench.models import demo_model_dir, model_aliases


def test_list_shows_demo_and_every_alias() -> None:
    result = CliRunner().invoke(main, ["models", "list"])
    assert result.exit_code == 0
    assert "synthetic" in result.stdout
    for alias, repository in model_aliases().items():
        assert any(
            f"hf:{alias} " in line and repository in line
            for line in result.stdout.splitlines()
        )


def test_list_json() -> None:
    result = CliRunner().invoke(main, ["models", "list", "--json"])
    assert json.loads(result.stdout) == {
        "demo": str(demo_model_dir()),
        "aliases": model_aliases(),
    }


def test_path() -> None:
    plain = CliRunner().invoke(main, ["models", "path", "demo"])
    as_json = CliRunner().invoke(main, ["models", "path", "demo", "--json"])
    assert plain.stdout == f"{demo_model_dir()}\n"
    assert json.loads(as_json.stdout) == {"path": str(demo_model_dir())}
    assert (Path(plain.stdout.strip()) / "model.safetensors").is_file()


def test_path_of_another_model() -> None:
    result = CliRunner().invoke(main, ["models", "path", "de\x1bmo"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "Error: 'de\\x1bmo' is not embedded; only demo has a path\n"
