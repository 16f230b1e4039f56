from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from diffbench.errors import DiffBenchError, SettingsError
from diffbench.options import NoProgress, RunOptions


def test_the_defaults_are_sound() -> None:
    options = RunOptions(model="demo")
    assert options.tasks == ("diffbench_core",)
    assert (options.replies, options.seed, options.limit) == (1000, 0, None)
    with pytest.raises(FrozenInstanceError):
        options.seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "values",
    [
        {"samples": 1, "max_new_tokens": 1, "batch_size": 1, "seed": 0, "limit": 1},
        {"resume": True, "output": Path("runs/x")},
        {"answer_rule": "anywhere", "estimator": "sample"},
    ],
)
def test_values_at_their_bounds_are_taken(values: dict[str, Any]) -> None:
    options = RunOptions(model="demo", **values)
    assert {name: getattr(options, name) for name in values} == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"samples": 0}, "samples is 0; it must be at least 1"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0; it must be at least 1"),
        ({"batch_size": -3}, "batch_size is -3; it must be at least 1"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"seed": 2**63}, f"seed is {2**63}; it must be at most {2**63 - 1}"),
        ({"samples": 10**11}, "samples is 100000000000; it must be at most 10000000"),
        (
            {"tasks": "diffbench_core"},
            "tasks is the text 'diffbench_core'; write a tuple of names, such as "
            "('diffbench_core',)",
        ),
        ({"limit": 0}, "limit is 0; it must be at least 1"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be above 0, up to 100"),
        ({"top_p": float("nan")}, "top_p is nan; it must be above 0, up to 1"),
        ({"min_p": 1.0}, "min_p is 1.0; it must be 0 or more, below 1"),
        ({"top_k": -1}, "top_k is -1; it must be at least 0"),
        (
            {"estimator": "exact-canonical", "temperature": 0.5},
            "--estimator exact-canonical knows the model's own distribution only; leave "
            "temperature, top-p, top-k and min-p as they are, or use --estimator exact",
        ),
        ({"tasks": ()}, "tasks is empty; name at least one task or group"),
        (
            {"resume": True},
            "--resume needs --output, the folder of the run to go on",
        ),
        *(
            (
                {"answer_rule": "anywhere", "estimator": estimator},
                "--answer-rule anywhere needs replies to read; add --estimator sample or "
                "--estimator expand",
            )
            for estimator in ("auto", "exact", "exact-canonical")
        ),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RunOptions(model="demo", **values)
    assert str(caught.value) == message
    assert isinstance(caught.value, DiffBenchError)


def test_no_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = NoProgress()
    progress.loading("demo")
    progress.started(2, 1, Path("runs/x"))
    progress.task("a")
    progress.finished("a")
    progress.calls(100, 0, 12)
    progress.reply()
    progress.waiting(1.0, "busy")
    progress.doubt("copies")
    assert capsys.readouterr() == ("", "")


API = "api:m@http://127.0.0.1/v1"


def test_defaults_depend_on_where_the_model_is() -> None:
    found = {
        model: (options.backend, options.replies, options.samples_only)
        for model in ("demo", "hf:a/b", "vllm:a/b", API)
        for options in [RunOptions(model=model)]
    }
    assert found == {
        "demo": ("engine", 1000, False),
        "hf:a/b": ("engine", 1000, False),
        "vllm:a/b": ("vllm", 1000, True),
        API: ("api", 100, True),
    }
    assert RunOptions(model=API, samples=7).replies == 7
    assert RunOptions(model=API).calls_at_once == 8
    assert RunOptions(model=API, answer_rule="anywhere").samples_only


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"estimator": "exact"}, "--estimator exact needs log-probabilities"),
        ({"estimator": "exact-canonical"}, "a chat API gives replies only; use --esti"),
        ({"adapter": Path("a")}, "--adapter: not for a model behind an API; leave that"),
        ({"revision": "main"}, "--revision: not for a model behind an API"),
        ({"dtype": "float32"}, "--dtype: not for a model behind an API"),
        ({"device": "cpu", "batch_size": 2}, "--device, --batch-size: not for a model"),
        ({"trust_remote_code": True}, "--trust-remote-code: not for a model"),
        ({"concurrency": 0}, "concurrency is 0; it must be at least 1"),
        ({"model": "demo", "concurrency": 2}, "--concurrency is for models behind an API"),
    ],
)
def test_what_an_api_does_not_take_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RunOptions(**{"model": API, **values})
    assert message in str(caught.value)
