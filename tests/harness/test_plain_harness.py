"""The plain harness and `diffbench run` give the same canonical numbers."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diffbench.assets import asset_dir
from diffbench.models import demo_model_dir
from diffbench.options import RunOptions
from diffbench.results import RunResult
from diffbench.suite import shipped_catalog
from tests.helpers import CHATML

TASKS = (
    "diffbench_numbers_1_10",
    "diffbench_dates_weekday",
    "diffbench_countries_oceania_heldout",
    "diffbench_occupations_a",
)
TOLERANCE = 1e-4


def _lm_eval_command(folder: Path, tasks: tuple[str, ...], output: Path) -> dict[str, Any]:
    """Run the real `lm-eval` command, as its user would."""
    words = ["-m", "lm_eval", "run", "--model", "hf", "--device", "cpu"]
    words += ["--model_args", f"pretrained={folder},dtype=float32"]
    words += ["--tasks", ",".join(tasks), "--include_path", str(asset_dir("tasks"))]
    words += ["--batch_size", "16", "--output_path", str(output), "--apply_chat_template"]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = output.rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text())["results"]
    return results


def _lm_eval_library(folder: Path, tasks: tuple[str, ...], *, chat: bool) -> dict[str, Any]:
    """Call what that command calls; reading all tasks of lm-eval is what takes it long."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    found = simple_evaluate(
        model="hf",
        model_args={"pretrained": str(folder), "dtype": "float32"},
        tasks=list(tasks),
        task_manager=TaskManager(
            include_path=str(asset_dir("tasks")), include_defaults=False
        ),
        device="cpu",
        batch_size=16,
        apply_chat_template=chat,
    )
    results: dict[str, Any] = found["results"]
    return results


def _ours(folder: Path, tasks: tuple[str, ...], output: Path) -> RunResult:
    from diffbench.api import run

    options = RunOptions(
        model=f"hf:{folder}",
        tasks=tasks,
        estimator="exact-canonical",
        device="cpu",
        output=output,
    )
    return run(options)


def _assert_same(theirs: dict[str, Any], ours: RunResult) -> None:
    assert {task.estimator for task in ours.tasks} == {"exact-canonical"}
    for task in ours.tasks:
        for name, entry in task.metrics.items():
            value = theirs[task.name][f"{name},none"]
            if entry.value is None:
                assert math.isnan(value), (task.name, name)
            else:
                assert value == pytest.approx(entry.value, abs=TOLERANCE, rel=TOLERANCE), (
                    task.name,
                    name,
                )


@pytest.mark.parametrize("template", [CHATML, None], ids=["newline at the end", "none"])
def test_same_canonical_numbers_under_another_template(
    template: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(demo_model_dir(), folder)
    (folder / "chat_template.jinja").unlink()
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    theirs = _lm_eval_library(folder, TASKS, chat=template is not None)
    _assert_same(theirs, _ours(folder, TASKS, tmp_path / "ours"))


def test_same_canonical_numbers_and_averages_of_groups(tmp_path: Path) -> None:
    # The group has one of them in it.
    tasks = ("diffbench_dates", *(name for name in TASKS if "dates" not in name))
    theirs = _lm_eval_command(demo_model_dir(), tasks, tmp_path / "lm")
    ours = _ours(demo_model_dir(), tasks, tmp_path / "ours")
    assert set(TASKS) < {task.name for task in ours.tasks}
    _assert_same(theirs, ours)
    (dates,) = (family for family in ours.families if family.name == "dates")
    expected = dates.metrics["overlap"].value
    assert theirs["diffbench_dates"]["overlap,none"] == pytest.approx(expected, abs=1e-4)


def test_sampled_tasks_run_in_the_plain_harness(demo: Any) -> None:
    """lm-eval's own sampling sees the distribution that exact scoring computes."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    from diffbench.harness.lm import EngineLM
    from diffbench.harness.one_task import run_task
    from diffbench.harness.task import make_task

    definition = shipped_catalog().tasks["diffbench_numbers_1_10_sampled"]
    task = make_task(definition, samples=400, max_new_tokens=8)
    plain = HFLM(pretrained=demo.model, tokenizer=demo.tokenizer, batch_size=200)
    results = evaluate(
        plain,
        {"tasks": {definition.name: task}},
        limit=1,
        bootstrap_iters=0,
        apply_chat_template=True,
    )
    measured = results["results"][definition.name]
    exact = run_task(
        EngineLM(demo), definition.as_mode("exact"), RunOptions(model="demo", limit=1)
    ).result.metrics
    for name in ("overlap", "valid_mass"):
        value = exact[name].value
        assert value is not None
        spread = 5 * math.sqrt(0.25 / 400)
        assert measured[f"{name},none"] == pytest.approx(value, abs=spread)


def test_a_prompt_that_ends_in_a_blank_is_refused_with_a_reason() -> None:
    from diffbench.errors import ModelError
    from diffbench.harness.task import make_task

    definition = shipped_catalog().tasks["diffbench_numbers_1_10"]
    task = make_task(definition, protocol="exact-canonical")
    with pytest.raises(ModelError, match="ends in a blank"):
        task.construct_requests(next(iter(task.test_docs())), "Assistant: ")
