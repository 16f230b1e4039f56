"""A model in shards over two processes is trained to the adapter of one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from diffbench.errors import SettingsError
from diffbench.models import demo_model_dir
from diffbench.tuning.placement import new_accelerator
from diffbench.tuning.record import TuneRecord, load_record
from tests.command import diffbench
from tests.tuning.launched import (
    TUNE,
    kill_after_first_pass,
    launcher,
    one_thread,
    tune_words,
)
from tests.tuning.small import write_recipe

SHARDED = ("-m", "tests.tuning.fsdp_on_cpu")
FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
# Passes without the adapter, for the guard; dropout; the best pass, which is kept; layers
# that are gathered from a pass's beginning or to its end.
SETTINGS: dict[str, Any] = {
    "lora": {"rank": 3, "alpha": 8, "dropout": 0.1, "output_layer": True},
    "early_stop": {"held_out_patience": 2},
    "guard": {"weight": 1000.0, "questions_per_step": 4},
    "passes": 3,
}
# With a large epsilon AdamW's steps shrink with the gradient; else they hardly change.
OPTIMISER = {"learning_rate_times_width": 5.0, "epsilon": 1e-3, "clip": 0.05}


def _recipe(folder: Path, **optimiser: Any) -> str:
    return write_recipe(folder, **SETTINGS, optimiser={**OPTIMISER, **optimiser})


def _run(words: list[str], **environment: str) -> None:
    subprocess.run([sys.executable, *words], check=True, env=one_thread(**environment))


def _untied(folder: Path) -> str:
    """Write the demo model with an output layer of its own, which can be adapted."""
    model: Any = AutoModelForCausalLM.from_pretrained(demo_model_dir(), dtype=torch.float32)
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model.config.tie_word_embeddings = False
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(demo_model_dir()).save_pretrained(folder)
    return f"hf:{folder}"


def _record(folder: Path) -> TuneRecord:
    record = load_record(folder)
    assert record is not None
    return record


def _adapter(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def _apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.mark.slow
def test_two_shards_make_the_adapter_of_one_process(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path / "bites")
    unbound = _recipe(tmp_path / "unbound", clip=1e9)
    one, free, killed = (tmp_path / name for name in ("one", "free", "killed"))
    model = _untied(tmp_path / "model")

    def words(recipe: str, output: Path) -> list[str]:
        # Small passes, so that a step has several of them to divide.
        small = ("--max-tokens", "60", "--retention", "plain")
        return tune_words(recipe, output, *small, model=model)

    assert diffbench(*words(recipe, one), cwd=tmp_path).exit_code == 0
    assert diffbench(*words(unbound, free), cwd=tmp_path).exit_code == 0
    # The bound on a step's gradient matters.
    assert _apart(_adapter(one), _adapter(free)) > 1e-2

    sharded = [*SHARDED, *words(recipe, killed)]
    kill_after_first_pass([*launcher(), *sharded], killed, one_thread(**FSDP))
    assert not (killed / "tune.json").exists()
    _run([*launcher(), *sharded, "--resume"], **FSDP)

    assert _apart(_adapter(one), _adapter(killed)) < 1e-4
    ours, theirs = _record(one), _record(killed)
    assert theirs.processes == 2
    for mine, other in zip(ours.curve, theirs.curve, strict=True):
        assert mine.loss == pytest.approx(other.loss, abs=1e-4)
        assert mine.held_out == pytest.approx(other.held_out, abs=1e-4)
        assert mine.guard == pytest.approx(other.guard, abs=1e-4)
    assert ours.curve[-1].guard is not None
    assert ours.curve[-1].guard > 1e-3
    assert ours.best_pass == theirs.best_pass
    assert ours.retention == theirs.retention
    assert ours.base == theirs.base
    assert ours.trained_parameters == theirs.trained_parameters
    assert ours.loss_path == theirs.loss_path == "packed"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "1"}, "this is one"),
        ({"FSDP_VERSION": "1"}, "add --fsdp_version 2"),
        ({"FSDP_ACTIVATION_CHECKPOINTING": "true"}, "own --gradient-checkpointing"),
        ({"FSDP_OFFLOAD_PARAMS": "true"}, "fsdp_offload_params is not supported"),
    ],
)
def test_shards_that_would_be_trained_wrongly_are_refused(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**FSDP, "WORLD_SIZE": "2", **environment}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said):
        new_accelerator()


@pytest.mark.slow
def test_what_accelerate_does_not_shard_is_refused(tmp_path: Path) -> None:
    words = [*TUNE, *tune_words(_recipe(tmp_path), tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, *launcher(), *words],
        env=one_thread(**FSDP),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "over GPUs only; leave it out" in done.stderr
    assert not (tmp_path / "out").exists()
