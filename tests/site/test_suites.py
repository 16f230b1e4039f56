"""Each suite has a table of its own: no mean and no rank is taken across suites."""

from __future__ import annotations

import html
import re
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from diffbench.results import RunResult
from diffbench.site import build_site
from diffbench.site.suites import suite_of
from diffbench.suite import shipped_catalog
from tests.site.many import CORE, base_run, put, tuned_run

STATED = (("instructed_coin", 2), ("instructed_die", 6))
OWN = (("moons", 5),)
BASE = base_run("acme/chat", 0.05, 0, families=(*OWN, *CORE, *STATED))
TUNED = tuned_run("acme/chat", "all", 4.0, 1, families=(*OWN, *CORE, *STATED))
ON_CORE = [tuned_run("acme/chat", f"core-{i}", 1.0, 2 + i) for i in range(3)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suites")
    runs = put(folder / "in", [BASE, TUNED, *ON_CORE])
    return build_site([runs], folder / "site", jobs=1).output


def _text(path: Path) -> str:
    text = re.sub(r"<script.*?</script>", " ", path.read_text(), flags=re.S)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def _mean(run: RunResult, families: tuple[tuple[str, int], ...]) -> float:
    """Overlap by its definition, with equal weight for each of these families."""
    means = []
    for family, _ in families:
        own = [task for task in run.tasks if task.family == family]
        rows = [
            float(np.minimum(task.target.probabilities, prompt.probabilities or []).sum())
            for task in own
            for prompt in task.prompts
        ]
        means.append(fmean(rows))
    return fmean(means)


def test_every_shipped_task_is_of_one_suite() -> None:
    found = {suite_of(task) for task in shipped_catalog().tasks}
    assert found == {"core", "natural", "instructed"}
    assert suite_of("<b>moons</b>") == "other"
    assert suite_of("my_numbers") == "other"


def test_the_core_comes_first_and_ranks_who_was_asked_all_of_it(site: Path) -> None:
    text = _text(site / "index.html")
    assert f"{_mean(BASE, tuple(CORE)):.3f} → {_mean(TUNED, tuple(CORE)):.3f}" in text
    assert "5 ranked runs over 6 tasks" in text
    assert "Not ranked" not in text
    assert "Core Instructed Other tasks All families Fruits Names Numbers" in text
    other = _text(site / "scope" / "suite-instructed.held-out.html")
    assert "Core Instructed Other tasks All families Coin Die" in other


@pytest.mark.parametrize(
    ("page", "families"), [("instructed", STATED), ("other", OWN)], ids=["shipped", "own"]
)
def test_a_suite_has_means_of_its_own(
    site: Path, page: str, families: tuple[tuple[str, int], ...]
) -> None:
    text = _text(site / "scope" / f"suite-{page}.all.html")
    assert f"{_mean(BASE, families):.3f} → {_mean(TUNED, families):.3f}" in text
    assert f"2 ranked runs over {2 * len(families)} tasks" in text
    # Nobody is called incomplete for tasks of another suite.
    assert "Not ranked" not in text
    assert "3 more runs were measured on other tasks only." in text


def test_a_models_page_has_a_sentence_a_suite(site: Path) -> None:
    (page,) = (site / "models").glob("acme-chat-all-*")
    text = _text(page)
    for title, families in (("Core", CORE), ("Instructed", STATED), ("Other tasks", OWN)):
        before, after = _mean(BASE, tuple(families)), _mean(TUNED, tuple(families))
        assert f"{title}: overlap {before:.3f} → {after:.3f}" in text
    (short,) = (site / "models").glob("acme-chat-core-0-*")
    assert "Answered 6 of the 12 tasks over which models are ranked." in _text(short)
    assert "Core: overlap" not in _text(short)
