"""What a tuning record tells the board: the recipe, and what should not have changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.site.board import make_boards
from diffbench.site.inputs import read_inputs
from diffbench.site.pages.overview import make_overview
from diffbench.site.runs import make_runs
from diffbench.site.scope import make_scopes
from diffbench.tuning.recipe import read_recipe
from diffbench.tuning.record import (
    BaseModelInfo,
    RetentionVerdict,
    TrainedPrompt,
    TuneRecord,
    write_record,
)
from tests.site.many import base_run, put, tuned_run


def _record(adapter_sha256: str, *verdicts: RetentionVerdict) -> TuneRecord:
    return TuneRecord(
        fingerprint="f",
        command="diffbench tune --model a/one --recipe all",
        created="2026-01-01T00:00:00+00:00",
        diffbench="0.1.0",
        git=None,
        packages={},
        hardware="cpu",
        processes=1,
        base=BaseModelInfo(
            spec="hf:a/one", id="a/one", revision=None, weights_fingerprint=None,
            architecture="LlamaForCausalLM", hidden_size=8, parameters=100,
            dtype="float32", licence=None, synthetic=True,
        ),
        recipe_name="all",
        recipe=read_recipe("all"),
        seed=0,
        learning_rate=1e-3,
        max_tokens=64,
        gradient_checkpointing=False,
        trained_parameters=10,
        reply_lead="",
        reply_end=[1],
        loss_path="packed",
        prompts=[
            TrainedPrompt(
                task="diffbench_numbers", prompt="p0", prompt_sha256="0" * 64,
                target_sha256="0" * 64, outcomes=10, entropy=2.3,
            )
        ],
        data_sha256="0" * 64,
        optimum=2.3,
        curve=[],
        steps=10,
        stopped=None,
        best_pass=None,
        seconds=1.0,
        adapter_sha256=adapter_sha256,
        retention=list(verdicts),
    )  # fmt: skip


def _verdict(name: str, before: float, after: float, verdict: str) -> RetentionVerdict:
    return RetentionVerdict.model_validate(
        {
            "name": name, "n": 100, "before": before, "after": after,
            "stderr_before": None, "stderr_after": None, "band_lo": 0.9, "band_hi": 1.0,
            "level": 0.95, "verdict": verdict,
        }
    )  # fmt: skip


@pytest.mark.parametrize("above", [False, True])
def test_a_record_beside_or_above_tells_of_retention(tmp_path: Path, above: bool) -> None:
    tuned = tuned_run("a/one", "x")
    put(tmp_path, [base_run("a/one", 0.05)])
    folder = tmp_path / "adapter" / "tuned" if above else tmp_path / "adapter"
    put(folder.parent, [])
    from diffbench.results import write_results

    write_results(folder, tuned)
    assert tuned.model.adapter is not None
    kept = _verdict("plain questions", 0.98, 0.97, "kept")
    lost = _verdict("gsm8k", 0.8, 0.4, "worse")
    write_record(tmp_path / "adapter", _record(tuned.model.adapter.sha256, kept, lost))
    (board,) = make_boards(make_runs(read_inputs([tmp_path])))
    row = make_overview(board, make_scopes(board)[0]).blocks[0].tuned[0]
    # A win by forgetting shows: the worst score stands in the table.
    assert row.retention.text == "worse 0.80 → 0.40"
    assert row.retention.note == "gsm8k, n = 100"
    assert row.meta[0] == "recipe all"


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    put(tmp_path, [base_run("a/one"), tuned_run("a/one", "x")])
    (tmp_path / "run-001" / "tune.json").write_text("{")
    inputs = read_inputs([tmp_path])
    assert [one.name for one in inputs.refused] == ["run-001/tune.json"]
    assert len(inputs.submissions) == 2
