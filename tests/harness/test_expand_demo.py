"""Expansion of the demo model's replies beside its exact and its sampled values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import diffbench
from diffbench.answers import Valid, read_reply
from diffbench.engine.decoding import Decoding
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import run_task
from diffbench.models.load import LoadedModel
from diffbench.results import PromptResult, load_results, verify_result
from diffbench.suite import shipped_catalog

pytestmark = pytest.mark.xdist_group("expand")

TASKS = ("diffbench_dates_weekday", "diffbench_numbers_1_10", "diffbench_fruits_common")
N = 20_000
SPREAD = 5.0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, diffbench.RunResult]:
    folder = tmp_path_factory.mktemp("runs")
    return {
        estimator: diffbench.run(
            diffbench.RunOptions(
                model="demo",
                tasks=TASKS,
                limit=1,
                estimator=estimator,
                epsilon=1e-4,
                output=folder / estimator,
            )
        )
        for estimator in ("exact", "expand")
    }


def _prompts(result: diffbench.RunResult) -> list[PromptResult]:
    return [prompt for task in result.tasks for prompt in task.prompts]


def test_expanded_probabilities_are_never_below_exact_ones(
    runs: dict[str, diffbench.RunResult],
) -> None:
    for exact, expanded in zip(
        _prompts(runs["exact"]), _prompts(runs["expand"]), strict=True
    ):
        q, more = np.array(exact.probabilities), np.array(expanded.probabilities)
        # Two forward passes in float32 differ in the sixth digit.
        assert np.all(more >= q - 1e-5)
        assert expanded.exploration is not None
        assert expanded.exploration.undecided <= 1e-4
        for name in ("overlap", "valid_mass", "entropy"):
            entry = expanded.metrics[name]
            assert entry.interval is not None
            assert entry.value is not None
            assert entry.interval.lo - 1e-9 <= entry.value <= entry.interval.hi + 1e-9
            assert entry.interval.hi - entry.interval.lo < 0.01
    assert {task.estimator for task in runs["expand"].tasks} == {"expanded"}


def test_sampled_shares_lie_within_the_bounds(
    runs: dict[str, diffbench.RunResult], demo: LoadedModel
) -> None:
    lm = EngineLM(demo)
    for name, task in zip(TASKS, runs["expand"].tasks, strict=True):
        definition = shipped_catalog().tasks[name]
        prompt = task.prompts[0]
        context = lm.apply_chat_template([{"role": "user", "content": prompt.text}])
        settings = {"max_gen_toks": 64, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
        shares = np.zeros(definition.target.size)
        for reply in lm.draw(context, N, settings):
            answer = read_reply(reply, definition.key)
            if isinstance(answer, Valid):
                shares[answer.outcome] += 1 / N
        assert prompt.exploration is not None
        low = np.array(prompt.probabilities)
        high = low + np.array(prompt.exploration.reachable)
        error = SPREAD * np.sqrt(np.maximum(shares, 1 / N) / N)
        assert np.all(low - error <= shares)
        assert np.all(shares <= high + error)


def test_the_file_can_be_computed_again_and_a_forged_bound_is_noticed(
    runs: dict[str, diffbench.RunResult],
) -> None:
    result = runs["expand"]
    assert verify_result(result) == []
    content = json.loads(result.model_dump_json())
    content["tasks"][0]["prompts"][0]["metrics"]["overlap"]["interval"]["hi"] += 0.01
    problems = verify_result(diffbench.RunResult.model_validate(content))
    assert any("interval" in problem for problem in problems)


def test_a_decoding_setting_holds_for_expansion(demo: LoadedModel) -> None:
    definition = shipped_catalog().tasks["diffbench_dates_weekday"]
    cold = EngineLM(demo, decodings=[Decoding(temperature=0.3)])
    options = diffbench.RunOptions(model="demo", temperature=0.3, limit=1)
    exact = run_task(cold, definition, options).result.prompts[0]
    expanded = run_task(
        cold,
        definition,
        diffbench.RunOptions(model="demo", temperature=0.3, limit=1, estimator="expand"),
    ).result.prompts[0]
    np.testing.assert_allclose(
        np.array(expanded.probabilities), np.array(exact.probabilities), atol=1e-3
    )
    assert max(expanded.probabilities or []) > 0.9


def test_the_rule_anywhere_finds_answers_after_words(tmp_path: Path) -> None:
    result = diffbench.run(
        diffbench.RunOptions(
            model="demo",
            tasks=("diffbench_numbers_1_10",),
            limit=1,
            estimator="expand",
            answer_rule="anywhere",
            epsilon=1e-2,
            output=tmp_path / "run",
        )
    )
    assert load_results(tmp_path / "run") == result
    exploration = result.tasks[0].prompts[0].exploration
    assert exploration is not None
    assert exploration.undecided <= 1e-2
