"""The composite action: its own shell lines, run on this checkout as a runner runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gate.files import EXACT, Case, case
from tests.results.factory import exact_task

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
BENT = exact_task((0.6, 0.39), (0.6, 0.4))


def _values(step: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
    """Fill a step's variables in, as GitHub does with its expressions."""
    known = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
    known |= inputs
    found = {}
    for name, expression in step["env"].items():
        match = re.fullmatch(r"\$\{\{ inputs\.([a-z]+) \}\}", expression)
        assert match is not None, expression
        found[name] = known[match.group(1)]
    return found


def _run(one: Case, **inputs: str) -> tuple[int, str, str]:
    (step,) = [step for step in STEPS if step.get("id") == "check"]
    stated = {"result": str(one.result), "baseline": str(one.baseline), **inputs}
    output = one.folder / "github_output"
    output.touch()
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={
            **os.environ,
            **_values(step, stated),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(one.folder / "summary.md"),
        },
        cwd=one.folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr, output.read_text(encoding="utf-8")


def test_a_pass(tmp_path: Path) -> None:
    code, text, output = _run(case(tmp_path, [EXACT], [EXACT]))
    assert (code, output) == (0, "exit-code=0\n"), text
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("### DiffBench")


def test_a_regression_with_every_input(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [BENT])
    one.config("tolerance = 0.001")
    more = {"config": "check.toml", "strict": "true", "junit": "r.xml", "json": "r.json"}
    code, text, output = _run(one, **more)
    assert (code, output) == (1, "exit-code=1\n"), text
    assert "\n::error title=" in text
    assert (tmp_path / "r.xml").exists() and (tmp_path / "r.json").exists()


@pytest.mark.parametrize(
    "name", ["$(touch owned)", "; touch owned", "`touch owned`", "--help"]
)
def test_an_input_is_never_a_command(tmp_path: Path, name: str) -> None:
    code, text, output = _run(case(tmp_path, [EXACT], [EXACT]), result=name)
    assert (code, output) == (3, "exit-code=3\n"), text
    assert not (tmp_path / "owned").exists()


def test_no_script_holds_an_expression() -> None:
    for step in STEPS:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


def test_the_action_is_installed_from_its_own_checkout() -> None:
    install = STEPS[0]["run"]
    for name in re.findall(r"\$ACTION_PATH/([\w.]+)", install):
        assert (ROOT / name).exists()
    assert (ROOT / "pyproject.toml").exists()
