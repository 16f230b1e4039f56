"""A killed training goes on to the same adapter; two processes make one's."""

from __future__ import annotations

import filecmp
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from diffbench import tune
from diffbench.errors import ResultError
from diffbench.tuning.record import load_record
from tests.command import diffbench
from tests.tuning.launched import (
    TUNE,
    kill_after_first_pass,
    launcher,
    one_thread,
    tune_words,
)
from tests.tuning.small import small_options, write_recipe

pytestmark = pytest.mark.slow

DROPOUT = {"rank": 4, "alpha": 8, "dropout": 0.1}


def _words(recipe: str, output: Path, *more: str) -> list[str]:
    return [*TUNE, *tune_words(recipe, output, *more)]


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, lora=DROPOUT, passes=8)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert diffbench(*tune_words(recipe, whole), cwd=tmp_path).exit_code == 0
    kill_after_first_pass(_words(recipe, killed), killed)
    assert not (killed / "tune.json").exists()
    assert diffbench(*tune_words(recipe, killed, "--resume"), cwd=tmp_path).exit_code == 0
    one, other = (p / "adapter_model.safetensors" for p in (whole, killed))
    # Bytes in an assertion would be explained by a diff that takes many minutes.
    assert filecmp.cmp(one, other, shallow=False)
    records = [load_record(p) for p in (whole, killed)]
    assert records[0] is not None
    assert records[1] is not None
    assert records[0].curve == records[1].curve
    assert not (killed / "checkpoint.safetensors").exists()


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, passes=50)
    output = tmp_path / "out"
    kill_after_first_pass(_words(recipe, output), output)
    with pytest.raises(ResultError, match="of another training"):
        tune(small_options(tmp_path, "out", resume=True, passes=51))
    (output / "checkpoint.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ResultError, match="damaged"):
        tune(small_options(tmp_path, "out", resume=True, passes=50))


@pytest.mark.parametrize("prompts_per_step", [1, 3])
def test_two_processes_make_the_adapter_of_one(
    prompts_per_step: int, tmp_path: Path
) -> None:
    recipe = write_recipe(
        tmp_path, lora=DROPOUT, prompts_per_step=prompts_per_step, passes=3
    )
    one, two = tmp_path / "one", tmp_path / "two"
    # Small passes, so that a step has several of them to divide.
    small = ("--max-tokens", "120")
    assert diffbench(*tune_words(recipe, one, *small), cwd=tmp_path).exit_code == 0
    done = subprocess.run(
        [sys.executable, *launcher(), *_words(recipe, two, *small)],
        check=True,
        env=one_thread(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("Adapter: ") == 1
    records = [load_record(p) for p in (one, two)]
    assert records[0] is not None
    assert records[1] is not None
    assert (records[0].processes, records[1].processes) == (1, 2)
    for ours, theirs in zip(records[0].curve, records[1].curve, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-4)
    adapters = [load_file(p / "adapter_model.safetensors") for p in (one, two)]
    for name, tensor in adapters[0].items():
        torch.testing.assert_close(tensor, adapters[1][name], atol=1e-3, rtol=0)
