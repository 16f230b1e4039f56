"""Every page that shows a base and its tuned version, against numbers from the files."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from diffbench.results import RunResult
from diffbench.site import build_site
from tests.site.many import base_run, put, tuned_run

BASE = base_run("acme/chat", 0.05, 0)
TUNED = tuned_run("acme/chat", "leave-one-out/names", 4.0, 1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    return build_site([put(folder / "in", [BASE, TUNED])], folder / "site", jobs=1).output


def _text(path: Path) -> str:
    """What a reader sees, without tags, in one line."""
    text = re.sub(
        r"<script.*?</script>|<style.*?</style>", " ", path.read_text(), flags=re.S
    )
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def _overlaps(run: RunResult, **where: str) -> list[float]:
    """Overlap of each task by the definition, from the file's probabilities alone."""
    return [
        fmean(
            float(np.minimum(task.target.probabilities, prompt.probabilities or []).sum())
            for prompt in task.prompts
        )
        for task in run.tasks
        if all(getattr(task, key) == value for key, value in where.items())
    ]


def _mean(run: RunResult) -> float:
    families = dict.fromkeys(task.family for task in run.tasks)
    return fmean(fmean(_overlaps(run, family=family)) for family in families)


def test_the_overview_puts_the_tuned_one_beneath_its_base(pair: Path) -> None:
    text = _text(pair / "index.html")
    before, after = _mean(BASE), _mean(TUNED)
    assert text.index("acme/chat") < text.index("+ leave-one-out/names")
    assert f"{before:.3f} → {after:.3f}" in text
    assert f"+{after - before:.3f}" in text
    assert "▲ improved" in text
    assert "recipe leave-one-out/names" in text


def test_a_tuned_models_page_stands_beside_its_base(pair: Path) -> None:
    text = _text(_only(pair / "models", "acme-chat-leave*"))
    assert f"Overlap {_mean(BASE):.3f} → {_mean(TUNED):.3f}" in text
    assert "over 6 tasks that both measured alike: ▲ improved (6 improved)" in text
    for before, after in zip(_overlaps(BASE), _overlaps(TUNED), strict=True):
        assert f"{before:.3f} → {after:.3f} +{after - before:.3f}" in text
    # The mass of what is no answer is what the probabilities leave.
    rest = 1 - fmean(sum(one.probabilities or []) for one in TUNED.tasks[0].prompts)
    assert f"Instead of a valid answer: {100 * rest:.1f} % of replies" in text
    base = _text(_only(pair / "models", "acme-chat-[0-9a-f]*"))
    assert "Tuned versions: acme/chat+leave-one-out/names" in base


def test_a_tasks_page_has_the_better_model_first(pair: Path) -> None:
    text = _text(_only(pair / "tasks", "diffbench-names-uniform-heldout-*"))
    (before,) = _overlaps(BASE, family="names", split="held_out")
    (after,) = _overlaps(TUNED, family="names", split="held_out")
    assert text.index(f"{after:.3f}") < text.index(f"{before:.3f}")
    assert "Say one of the names, 0." in text


def test_the_matrix_shows_what_was_left_out(pair: Path) -> None:
    text = _text(pair / "generalisation.html")
    for split in ("train", "held_out"):
        before = _overlaps(BASE, family="names", split=split)[0]
        after = _overlaps(TUNED, family="names", split=split)[0]
        assert f"left out {after:.3f} +{after - before:.3f} ▲ improved" in text


def test_what_two_runs_are_compared_by_is_in_their_files(pair: Path) -> None:
    for run, pattern in ((BASE, "acme-chat-[0-9a-f]*"), (TUNED, "acme-chat-leave*")):
        kind, _, data = _script(_only(pair / "data" / "compare", pattern))
        assert kind == "run"
        for task, shown, overlap in zip(
            run.tasks, data["tasks"], _overlaps(run), strict=True
        ):
            q = np.mean([one.probabilities or [] for one in task.prompts], axis=0)
            assert shown["q"] == pytest.approx(q, rel=1e-3)
            assert shown["rest"] == pytest.approx(1 - q.sum(), rel=1e-3)
            assert shown["overlap"] == pytest.approx(overlap, rel=1e-5)
            place = pair / "data" / "targets" / f"{shown['target']}.js"
            _, _, target = _script(place)
            assert target["outcomes"] == task.target.outcomes
            assert target["p"] == pytest.approx(task.target.probabilities, rel=1e-3)
            assert target["rest"] == 0
    text = (pair / "compare.html").read_text()
    assert "acme/chat · exact, 6 tasks, " in text


def _script(path: Path) -> Any:
    found = re.fullmatch(r"DiffBenchData\.add\((.*)\);\n", path.read_text(), re.S)
    assert found is not None
    return json.loads(found[1])
