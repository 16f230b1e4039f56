"""What should not change: plain questions, and tasks of the harness without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager
from scipy.stats import norm

from diffbench.harness.lm import EngineLM
from diffbench.models import parse_model
from diffbench.models.load import LoadOptions, load_model
from diffbench.tuning import retention
from diffbench.tuning.retention import RetentionScore, plain_questions, prepare_probes
from diffbench.tuning.turns import Turn, assistant_turn

QUESTIONS = [
    ("What is the capital of France?", "Paris", "Lyon"),
    ("What is the capital of Italy?", "Milan", "Rome"),
    ("What is the capital of Spain?", "Madrid", "Seville"),
]
TASK = """
task: local_capitals
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{[first, second]}}}}"
doc_to_target: 0
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


@pytest.fixture(scope="module")
def lm() -> EngineLM:
    return EngineLM(load_model(parse_model("demo"), LoadOptions(device="cpu")))


@pytest.fixture(scope="module")
def turn(lm: EngineLM) -> Turn:
    return assistant_turn(lm.tokenizer, lm.ends)


def test_the_demo_model_answers_every_plain_question(lm: EngineLM, turn: Turn) -> None:
    (probe,) = prepare_probes(("plain",), turn)
    (score,) = probe(lm)
    assert (score.value, score.n) == (1.0, len(plain_questions()))
    # Where all are right, Wilson's interval is n / (n + z^2) … 1.
    z = norm.ppf(0.975)
    assert score.lo == pytest.approx(score.n / (score.n + z**2))
    assert score.hi == 1.0


def test_the_share_counts_whole_greedy_replies(
    lm: EngineLM, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(question, right) for question, right, _ in QUESTIONS]
    monkeypatch.setattr(retention, "plain_questions", lambda: asked)
    (probe,) = prepare_probes(("plain",), turn)
    # The second's answer is wrong; and the beginning of a right one is not one.
    assert probe(lm)[0].value == pytest.approx(2 / 3)
    asked.append(("What is the capital of Germany?", "Ber"))
    assert probe(lm)[0].value == pytest.approx(2 / 4)


def _offer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lm-evaluation-harness have these tasks only; reading its own takes seconds."""
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    monkeypatch.setattr("lm_eval.tasks.TaskManager", lambda: manager)


def test_a_harness_task_is_scored_with_its_standard_error(
    lm: EngineLM, turn: Turn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [dict(zip(("question", "first", "second"), q, strict=True)) for q in QUESTIONS]
    data = tmp_path / "capitals.json"
    data.write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "capitals.yaml").write_text(TASK.format(path=data))
    _offer(tmp_path, monkeypatch)
    (probe,) = prepare_probes(("local_capitals",), turn)
    (score,) = probe(lm)
    # The same again, as it is after training.
    assert probe(lm) == [score]
    assert (score.name, score.n) == ("local_capitals acc", 3)
    assert score.value == pytest.approx(2 / 3)
    # The harness divides by n - 1.
    assert score.stderr == pytest.approx((2 / 9 / 2) ** 0.5)
    half = norm.ppf(0.975) * (2 / 9 / 2) ** 0.5
    assert (score.lo, score.hi) == pytest.approx((2 / 3 - half, 2 / 3 + half))


@pytest.mark.parametrize(
    ("after", "higher_is_better", "word"),
    [
        (0.5, True, "kept"),
        (0.4, True, "kept"),
        (0.39, True, "worse"),
        (0.61, True, "better"),
        (0.39, False, "better"),
        (0.61, False, "worse"),
    ],
)
def test_the_verdict_is_whether_the_band_was_left(
    after: float, higher_is_better: bool, word: str
) -> None:
    def score(value: float) -> RetentionScore:
        return RetentionScore(
            name="x", value=value, stderr=0.05, lo=0.4, hi=0.6, n=9,
            higher_is_better=higher_is_better,
        )  # fmt: skip

    found = retention.verdict(score(0.5), score(after))
    assert found.verdict == word
    assert (found.before, found.after) == (0.5, after)
    assert (found.band_lo, found.band_hi) == (0.4, 0.6)


def test_few_shot_prompts_are_the_same_before_and_after(
    lm: EngineLM, turn: Turn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"question": f"What is {n} plus {m}?", "first": str(n + m), "second": str(n)}
        for n in range(6)
        for m in range(1, 6)
    ]
    data = tmp_path / "sums.json"
    data.write_text("\n".join(json.dumps(row) for row in rows))
    task = TASK.format(path=data).replace("local_capitals", "local_sums")
    task = task.replace("{test:", f"{{train: {data}, test:")
    (tmp_path / "sums.yaml").write_text(f"{task}training_split: train\nnum_fewshot: 3\n")
    _offer(tmp_path, monkeypatch)
    (probe,) = prepare_probes(("local_sums",), turn)
    seen: list[str] = []
    loglikelihood = lm.loglikelihood

    def recorded(requests: Any, *rest: Any, **more: Any) -> Any:
        seen.append(json.dumps([request.args[0] for request in requests]))
        return loglikelihood(requests, *rest, **more)

    monkeypatch.setattr(lm, "loglikelihood", recorded)
    assert probe(lm) == probe(lm)
    assert seen[0] == seen[1]


def test_a_guard_s_own_questions_are_not_scored(lm: EngineLM, turn: Turn) -> None:
    (probe,) = prepare_probes(("plain",), turn, guarded=True)
    (score,) = probe(lm)
    assert score.n == len(plain_questions()) // 2
    scored = {retention._prompt(lm, question) for question, _ in plain_questions()[1::2]}
    assert not scored & set(retention.guard_prompts(lm))


def test_a_score_of_all_or_nothing_has_a_band() -> None:
    found = retention._with_band("x", 1.0, 0.0, n=50, higher_is_better=True)
    assert 0.9 < found.lo < 1.0
    assert found.hi == 1.0
