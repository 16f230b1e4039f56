"""What vLLM is asked for; vLLM itself needs a GPU and is not installed for tests."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance

from diffbench.api import prepare, run
from diffbench.errors import ModelError, SettingsError
from diffbench.harness.vllm import seeded, vllm_arguments
from diffbench.models import parse_model
from diffbench.options import RunOptions

MODEL = "vllm:Qwen/Qwen3-8B"


def _signature() -> set[str]:
    """Parameters of the harness's class, read from its file: it imports vllm."""
    spec = find_spec("lm_eval.models.vllm_causallms")
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    (kind,) = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "VLLM"
    ]
    init = next(
        node
        for node in kind.body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    return {argument.arg for argument in init.args.args}


def test_the_options_reach_vllm_with_prefix_caching_on() -> None:
    options = RunOptions(model=MODEL, dtype="float16", revision="abc", seed=2**40 + 5)
    arguments = vllm_arguments(parse_model(MODEL), options)
    assert arguments == {
        "pretrained": "Qwen/Qwen3-8B",
        "dtype": "float16",
        "revision": "abc",
        "tokenizer_revision": "abc",
        "trust_remote_code": False,
        "batch_size": "auto",
        "seed": 5,
        "enable_thinking": False,
        "enable_prefix_caching": True,
    }
    # The harness hands on to vLLM itself what it does not know.
    assert set(arguments) - _signature() == {"enable_prefix_caching"}


def test_each_reply_gets_its_own_seed() -> None:
    settings = {"temperature": 1.0}
    request = Instance(
        request_type="generate_until",
        doc={"id": "a"},
        arguments=("prompt", settings),
        idx=0,
        metadata=("task", 0, 3),
    )
    asked = seeded([request] * 50, run_seed=1)
    seeds = [one.args[1]["seed"] for one in asked]
    assert len(set(seeds)) == 50
    assert {one.args[0] for one in asked} == {"prompt"}
    assert settings == {"temperature": 1.0} and "seed" not in request.args[1]
    assert [one.args[1]["seed"] for one in seeded([request] * 50, run_seed=1)] == seeds


def test_without_vllm_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffbench.harness.vllm.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="`pip install vllm`, or load the model as hf:"):
        run(RunOptions(model=MODEL, output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_auto_means_replies_and_canonical_scoring_can_be_asked_for() -> None:
    tasks = ("diffbench_dates_weekday",)
    for estimator, mode in (
        ("auto", "sampled"),
        ("sample", "sampled"),
        ("exact-canonical", "exact"),
    ):
        values: Any = {"model": MODEL, "tasks": tasks, "estimator": estimator}
        (task,) = prepare(RunOptions(**values)).tasks
        assert task.mode == mode


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"estimator": "exact"}, "which vLLM does not give; use --estimator sample"),
        ({"adapter": Path("a")}, "--adapter: not for a model in vLLM"),
        ({"device": "cpu"}, "--device: not for a model in vLLM"),
        ({"concurrency": 2}, "--concurrency: not for a model in vLLM; leave that out$"),
    ],
)
def test_what_vllm_does_not_take_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RunOptions(model=MODEL, **values)
