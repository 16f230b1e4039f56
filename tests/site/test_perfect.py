"""The scripted sampler is as good as replies can show, and goes the ordinary way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffbench.errors import SettingsError
from diffbench.results import verify_result, write_results
from diffbench.site import build_site
from diffbench.site.perfect import perfect_run
from diffbench.suite import shipped_catalog
from tests.site.many import base_run, put

CREATED = "2026-01-01T00:00:00+00:00"


def test_its_numbers_follow_from_its_counts_and_the_counts_from_the_target() -> None:
    tasks = [shipped_catalog().tasks[name] for name in ("diffbench_numbers_1_10",)]
    run = perfect_run(tasks, samples=20_000, seed=0, created=CREATED)
    assert verify_result(run) == []
    assert run.model.synthetic
    for prompt in run.tasks[0].prompts:
        assert prompt.counts is not None
        share = np.asarray(prompt.counts) / 20_000
        # Four standard errors of a share of a tenth.
        assert np.abs(share - 0.1).max() < 4 * np.sqrt(0.09 / 20_000)
        assert prompt.invalid == {}


def test_what_a_target_does_not_list_is_said_too() -> None:
    listed = [
        task for task in shipped_catalog().tasks.values() if task.target.listed_mass < 0.9
    ]
    task = listed[0]
    run = perfect_run([task], samples=20_000, seed=1, created=CREATED)
    said = run.tasks[0].metrics["valid_mass"].value
    assert said == pytest.approx(task.target.listed_mass, abs=0.02)


def test_it_is_the_ceiling_and_has_no_rank(tmp_path: Path) -> None:
    tasks = [shipped_catalog().tasks["diffbench_numbers_1_10"]]
    write_results(
        tmp_path / "in" / "perfect",
        perfect_run(tasks, samples=100, seed=0, created=CREATED),
    )
    put(tmp_path / "in", [base_run("a/one")])
    build_site([tmp_path / "in"], tmp_path / "site", jobs=1)
    text = (tmp_path / "site" / "index.html").read_text()
    assert "1 ranked run over" in text
    assert "scripted" in next((tmp_path / "site" / "models").glob("perfect*")).read_text()


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(SettingsError):
        perfect_run([], samples=1, seed=0, created=CREATED)
