"""The plain harness and `diffbench run` give the same canonical numbers."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
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


def _plain_harness(folder: Path, tasks: str, *, chat: bool, output: Path) -> dict[str, Any]:
    """Run the real `lm-eval` command, as its user would."""
    words = ["-m", "lm_eval", "run", "--model", "hf", "--device", "cpu"]
    words += ["--model_args", f"pretrained={folder},dtype=float32", "--tasks", tasks]
    words += ["--include_path", str(asset_dir("tasks")), "--batch_size", "16"]
    words += ["--output_path", str(output)] + (["--apply_chat_template"] if chat else [])
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = output.rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text())["results"]
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


@pytest.fixture(params=["own template", "newline at the end", "no template"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The demo model with its own chat template, another, or none."""
    copy = tmp_path / "model"
    shutil.copytree(demo_model_dir(), copy)
    template = copy / "chat_template.jinja"
    if request.param == "newline at the end":
        template.write_text(CHATML)
    elif request.param == "no template":
        template.unlink()
    yield copy


def test_same_canonical_numbers(folder: Path, tmp_path: Path) -> None:
    chat = (folder / "chat_template.jinja").exists()
    theirs = _plain_harness(folder, ",".join(TASKS), chat=chat, output=tmp_path / "lm")
    ours = _ours(folder, TASKS, tmp_path / "ours")
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


def test_groups_average_as_families_do(tmp_path: Path) -> None:
    theirs = _plain_harness(
        demo_model_dir(), "diffbench_dates", chat=True, output=tmp_path / "lm"
    )
    ours = _ours(demo_model_dir(), ("diffbench_dates",), tmp_path / "ours")
    (family,) = ours.families
    expected = family.metrics["overlap"].value
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
