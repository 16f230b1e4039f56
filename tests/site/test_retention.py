"""What a tuning record tells the board: the recipe, and what should not have changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.site.board import make_boards
from diffbench.site.inputs import read_inputs
from diffbench.site.pages.overview import make_overview
from diffbench.site.runs import make_runs
from diffbench.site.scope import make_scopes
from diffbench.tuning.record import RetentionVerdict, write_record
from tests.site.many import base_run, put, record_of, tuned_run


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
    write_record(
        tmp_path / "adapter", record_of(tuned.model.adapter.sha256, retention=[kept, lost])
    )
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
