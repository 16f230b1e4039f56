"""Whole runs: output folder, interruption, resuming, and what the file says."""

from __future__ import annotations

import filecmp
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffbench.api import prepare, run
from diffbench.errors import ModelError, ResultError, TaskError
from diffbench.harness.one_task import run_task
from diffbench.options import RunOptions
from diffbench.results import load_results, verify_result
from diffbench.results.distribution import mean_distribution
from tests.command import diffbench
from tests.helpers import save_model

TASKS = (
    "diffbench_dates_weekday",
    "diffbench_dates_weekday_sampled",
    "diffbench_numbers_odd_10_heldout_sampled",
    "diffbench_countries_oceania",
    "diffbench_countries_europe",
    "diffbench_occupations_m",
    "diffbench_names_us",
)


def _without_times(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((path / "results.json").read_text())
    for key in ("created", "duration_s"):
        del content["run"][key]
    return content


def _words(output: Path, *more: str) -> list[str]:
    words = ["run", "--model", "demo", "--device", "cpu", "--tasks", ",".join(TASKS)]
    return [*words, "--samples", "300", "--output", str(output), *more]


def _finished_tasks(output: Path) -> int:
    return len(list((output / "partial").glob("task-*.json")))


def _kill_after_first_task(output: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "diffbench", *_words(output)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not _finished_tasks(output) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert diffbench(*_words(whole), cwd=tmp_path).exit_code == 0
    _kill_after_first_task(killed)
    assert not (killed / "results.json").exists()
    assert 1 <= _finished_tasks(killed) < len(TASKS)
    assert diffbench(*_words(killed, "--resume"), cwd=tmp_path).exit_code == 0
    assert _without_times(killed) == _without_times(whole)
    one, other = (p / "samples.jsonl.gz" for p in (killed, whole))
    assert filecmp.cmp(one, other, shallow=False)
    assert sorted(path.name for path in killed.iterdir()) == [
        "results.json",
        "samples.jsonl.gz",
    ]
    assert verify_result(load_results(killed)) == []


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunOptions:
    output = tmp_path_factory.mktemp("run") / "out"
    options = RunOptions(model="demo", tasks=TASKS[:2], samples=50, output=output)
    run(options)
    return options


def _changed(options: RunOptions, **values: Any) -> RunOptions:
    from dataclasses import replace

    return replace(options, **values)


def test_a_folder_with_results_is_never_written_over(finished: RunOptions) -> None:
    with pytest.raises(ResultError, match="already holds a finished run"):
        run(finished)


def test_resuming_a_finished_run_returns_it(finished: RunOptions) -> None:
    assert finished.output is not None
    again = run(_changed(finished, resume=True))
    assert again == load_results(finished.output)


@pytest.mark.parametrize("change", [{"seed": 1}, {"samples": 51}, {"tasks": TASKS[:1]}])
def test_resuming_with_other_options_is_refused(
    finished: RunOptions, change: dict[str, Any]
) -> None:
    with pytest.raises(ResultError, match="another model, other tasks or other settings"):
        run(_changed(finished, resume=True, **change))


def test_the_file_says_what_was_run(finished: RunOptions) -> None:
    assert finished.output is not None
    result = load_results(finished.output)
    assert result.model.id == "demo"
    assert result.model.synthetic
    assert result.run.scoring_path == "packed"
    assert [task.estimator for task in result.tasks] == ["exact", "sampled"]
    text = (finished.output / "results.json").read_text()
    assert str(Path.home()) not in text and os.uname().nodename not in text.split('"')
    assert str(finished.output.parent) not in text
    sampled = result.tasks[1].prompts[0]
    assert sampled.counts is not None
    assert sum(sampled.counts) + sum(sampled.invalid.values()) == 50


def test_exact_and_sampled_can_be_forced(tmp_path: Path) -> None:
    options = RunOptions(
        model="demo",
        tasks=("diffbench_dates_weekday",),
        estimator="sample",
        samples=20,
        limit=1,
        output=tmp_path / "out",
    )
    result = run(options)
    assert [task.name for task in result.tasks] == ["diffbench_dates_weekday_sampled"]
    assert len(result.tasks[0].prompts) == 1


def test_a_model_that_talks_is_probed(tmp_path: Path) -> None:
    """Where exact valid mass is low, the run says what is replied instead."""
    folder = save_model(tmp_path / "model", template=None)
    options = RunOptions(
        model=f"hf:{folder}",
        tasks=("diffbench_dates_weekday",),
        max_new_tokens=8,
        output=tmp_path / "out",
    )
    (prompt, *_) = run(options).tasks[0].prompts
    assert prompt.metrics["valid_mass"].value is not None
    assert prompt.metrics["valid_mass"].value < 0.9
    assert prompt.probe is not None
    assert prompt.probe.n == 100
    assert prompt.probe.commonest_invalid


def test_forced_thinking_is_refused(tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}<think>\n"
    folder = save_model(tmp_path / "model", template=template)
    options = RunOptions(
        model=f"hf:{folder}", tasks=("diffbench_dates_weekday",), output=tmp_path / "out"
    )
    with pytest.raises(ModelError, match="<think>"):
        run(options)


@pytest.mark.parametrize("template", ["{% for", "{{ raise_exception('no') }}"])
def test_a_broken_chat_template_is_one_sentence(tmp_path: Path, template: str) -> None:
    folder = save_model(tmp_path / "model", template=template)
    options = RunOptions(
        model=f"hf:{folder}", tasks=("diffbench_dates_weekday",), output=tmp_path / "out"
    )
    with pytest.raises(ModelError, match="chat template"):
        run(options)


def test_a_prompt_longer_than_the_model_is_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", template=None)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "max_position_embeddings": 40})
    )
    options = RunOptions(
        model=f"hf:{folder}", tasks=("diffbench_dates_weekday",), output=tmp_path / "out"
    )
    with pytest.raises(ModelError, match="do not fit the model's 40 positions"):
        run(options)


def test_anywhere_reads_on_after_a_stray_brace(tmp_path: Path) -> None:
    """Under that rule no reply is cut at its first closing brace."""
    folder = save_model(tmp_path / "model", template=None)
    lengths = {}
    for rule in ("first", "anywhere"):
        options = RunOptions(
            model=f"hf:{folder}",
            tasks=("diffbench_dates_weekday",),
            estimator="sample",
            samples=200,
            limit=1,
            max_new_tokens=12,
            answer_rule=rule,
            output=tmp_path / rule,
        )
        (prompt,) = run(options).tasks[0].prompts
        with gzip.open(tmp_path / rule / "samples.jsonl.gz", "rt") as handle:
            rows = [json.loads(row) for row in handle]
        replies = [row["reply"] for row in rows]
        # What is said instead stands in the results file: the samples that are no answer.
        said = [(one.reply, one.count) for one in prompt.commonest_invalid or ()]
        drawn = [(row["reply"], row["count"]) for row in rows]
        assert said == [pair for pair in drawn if pair in said][:5]
        assert sum(n for _, n in said) <= sum(prompt.invalid.values())
        assert len(said) == 5
        lengths[rule] = [len(reply) - reply.index("}") for reply in replies if "}" in reply]
    assert set(lengths["first"]) == {1}
    assert max(lengths["anywhere"]) > 2


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 2.0},
        {"temperature": 0.7, "top_p": 0.9},
        {"top_k": 3},
        {"temperature": 1.5, "min_p": 0.05},
    ],
    ids=str,
)
def test_exact_and_sampled_agree_under_a_decoding_setting(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    n = 20_000
    measured = []
    for estimator in ("exact", "sample"):
        options = RunOptions(
            model="demo",
            tasks=("diffbench_fruits_common",),
            estimator=estimator,
            samples=n,
            max_new_tokens=12,
            limit=1,
            output=tmp_path / estimator,
            **values,
        )
        result = run(options)
        measured.append(mean_distribution(result.tasks[0]))
        assert result.settings.temperature == values.get("temperature", 1.0)
    exact, sampled = measured
    np.testing.assert_array_less(
        np.abs(exact - sampled), 5 * np.sqrt(exact * (1 - exact) / n) + 6 / n + 0.002
    )
    plain = run(
        RunOptions(
            model="demo", tasks=("diffbench_fruits_common",), limit=1, output=tmp_path / "p"
        )
    )
    assert np.abs(mean_distribution(plain.tasks[0]) - exact).max() > 0.01


def test_two_tasks_that_become_one_name_are_refused(tmp_path: Path) -> None:
    base = (
        "task: {name}\nclass: !function diffbench.harness.task.{kind}\n"
        "metadata: {{version: 1}}\ndistribution:\n  family: f\n  title: t\n"
        "  target: {{outcomes: [{outcomes}]}}\n"
        "  prompts: {{train: [{{id: a, text: x}}]}}\n"
    )
    kinds = {"c": ("DistributionTask", "red, blue")}
    kinds["c_sampled"] = ("SampledDistributionTask", "apple, pear")
    for name, (kind, outcomes) in kinds.items():
        text = base.format(name=name, kind=kind, outcomes=outcomes)
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(TaskError, match="both named 'c'"):
        prepare(RunOptions(model="demo", tasks=(str(tmp_path),), estimator="exact"))


def test_results_beside_prompts_are_not_prompts(tmp_path: Path) -> None:
    coin = {"request": "Toss.", "response": "", "targets": ["{heads}", "{tails}"]}
    (tmp_path / "coin.json").write_text(json.dumps(coin))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "results.json").write_text("{}")
    (task,) = prepare(RunOptions(model="demo", tasks=(str(tmp_path),))).tasks
    assert task.target.outcomes == ("heads", "tails")


def test_paper_prompt_files_run(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    coin = {
        "request": "Toss a coin. Reply {heads} or {tails}.",
        "response": [""],
        "targets": ["{heads}", "{tails}"],
    }
    biased = {**coin, "response": "", "weights": [3, 1], "eos": True}
    several = {**coin, "targets": ["{a}\n{b}"]}
    (prompts / "coin.json").write_text(json.dumps(coin))
    (prompts / "biased.json").write_text(json.dumps(biased))
    (prompts / "biography.json").write_text(json.dumps(several))
    options = RunOptions(model="demo", tasks=(str(prompts),), output=tmp_path / "out")
    prepared = prepare(options)
    assert len(prepared.left_out) == 1 and "biography.json" in prepared.left_out[0]
    result = run(options)
    targets = {task.title: task.target.probabilities for task in result.tasks}
    assert targets == {"prompts/coin": [0.5, 0.5], "prompts/biased": [0.75, 0.25]}
    assert verify_result(result) == []


def test_nothing_slow_begins_before_names_are_checked() -> None:
    with pytest.raises(TaskError, match="diffbench_core"):
        prepare(RunOptions(model="demo", tasks=("diffbench_cor",)))


def test_a_device_without_room_is_one_sentence_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real error of torch's CPU allocator: a petabyte is not to be had."""
    options = RunOptions(
        model="demo", device="cpu", tasks=TASKS[:2], output=tmp_path / "out", samples=50
    )

    def measure(lm: Any, task: Any, options: Any) -> Any:
        if task.name == TASKS[1]:
            torch.empty(10**15)
        return run_task(lm, task, options)

    monkeypatch.setattr("diffbench.harness.run.run_task", measure)
    with pytest.raises(ModelError, match=f"{TASKS[1]} does not fit into the device's"):
        run(options)
    assert _finished_tasks(tmp_path / "out") == 1
    monkeypatch.undo()
    result = run(replace(options, resume=True))
    assert [task.name for task in result.tasks] == list(TASKS[:2])
