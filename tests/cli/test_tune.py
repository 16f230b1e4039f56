"""`diffbench tune`, `compare` and `demo` as their user meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

from diffbench.tuning.study_record import StudyName
from tests.command import diffbench
from tests.tuning.small import write_recipe


def _process(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "diffbench", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tune", "--model", "demo"), "either --recipe or --study"),
        (("tune", "--model", "demo", "--recipe", "al"), "Did you mean all"),
        (("tune", "--model", "dem", "--recipe", "all"), "Did you mean demo?"),
        (("tune", "--model", "api:m@http://x/v1", "--recipe", "all"), "cannot be tuned"),
        (
            ("tune", "--model", "demo", "--recipe", "all", "--tasks", "diffbench_fruit"),
            "diffbench_fruits",
        ),
        (
            ("tune", "--model", "demo", "--recipe", "all", "--retention", "ifevall"),
            "Did you mean ifeval",
        ),
        *(
            (("tune", "--model", "demo", "--study", study), "--output")
            for study in get_args(StudyName)
        ),
        (("compare", "here", "there"), "here"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_2(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = diffbench(*words, cwd=tmp_path)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "runs").exists()


def test_a_tuning_says_what_changed_and_where_the_adapter_is(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    words = ["tune", "--model", "demo", "--recipe", recipe, "--output", "out"]
    done = _process(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in (
        "synthetic",
        "the least possible is 1.946",
        "trained wordings",
        "held-out wordings",
        "Day of the week",
        "plain questions 1.000 →",
        "diffbench run --model demo --adapter out",
    ):
        assert said in done.stdout
    assert "loss " in done.stderr
    assert str(tmp_path) not in (tmp_path / "out" / "tune.json").read_text()

    compared = diffbench("compare", "out/base", "out/tuned", cwd=tmp_path)
    assert compared.exit_code == 0
    assert "demo → demo+out" in compared.stdout
    again = diffbench(*words, "--resume", "--json", cwd=tmp_path)
    content = json.loads(again.stdout)
    assert content["tune"]["recipe_name"] == "small.yaml"
    found = diffbench("compare", "out/base", "out/tuned", "--json", cwd=tmp_path)
    assert json.loads(found.stdout)["tasks"] == content["comparison"]["tasks"]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, passes=1000)
    words = ["tune", "--model", "demo", "--recipe", recipe, "--output", "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "diffbench", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "out" / "checkpoint.safetensors").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--output out --resume" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_the_demo_tells_the_whole_story(tmp_path: Path) -> None:
    done = _process("demo", "--output", "story", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in ("as it comes", "Asked to draw, it says:", "it now says:", "Adapter:"):
        assert said in done.stdout
    assert (tmp_path / "story" / "adapter_model.safetensors").exists()
