"""Models that answer by a known law, through lm-evaluation-harness and all that follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from scipy.stats import binom

from diffbench.answers import answer_string
from diffbench.harness.one_task import run_task
from diffbench.options import RunOptions
from diffbench.results import MetricEntry, PromptResult, TaskResult
from diffbench.suite import TaskDefinition, shipped_catalog

CATALOG = shipped_catalog()
Reply = Callable[[TaskDefinition, np.random.Generator], str]


class ScriptedLM(LM):  # type: ignore[misc]
    """Answers every request by a rule, one reply after another."""

    protocol = "exact"
    has_order = True
    uses_chat_template = False

    def __init__(self, task: TaskDefinition, reply: Reply, seed: int) -> None:
        super().__init__()
        self._task, self._reply = task, reply
        self._rng = np.random.default_rng(seed)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        raise NotImplementedError

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> Any:
        raise NotImplementedError

    def generate_until(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[str]:
        return [self._reply(self._task, self._rng) for _ in requests]

    def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
        raise NotImplementedError


def perfect(task: TaskDefinition, rng: np.random.Generator) -> str:
    target = task.target
    return answer_string(target.outcomes[rng.choice(target.size, p=target.probabilities)])


def mode(task: TaskDefinition, rng: np.random.Generator) -> str:
    target = task.target
    return answer_string(target.outcomes[int(np.argmax(target.probabilities))])


def talkative(task: TaskDefinition, rng: np.random.Generator) -> str:
    return f"Sure! Here you are: {perfect(task, rng)}. Anything else?"


def copying() -> Reply:
    """Draws right, and sends every draw twice."""
    held: list[str] = []

    def reply(task: TaskDefinition, rng: np.random.Generator) -> str:
        if held:
            return held.pop()
        held.append(perfect(task, rng))
        return held[0]

    return reply


def _measure(
    name: str, reply: Reply, *, seed: int = 0, samples: int = 200, **options: Any
) -> TaskResult:
    task = CATALOG.tasks[f"{name}_sampled"]
    lm: Any = ScriptedLM(task, reply, seed)
    asked = RunOptions(model="demo", estimator="sample", samples=samples, **options)
    return run_task(lm, task, asked).result


def _value(found: TaskResult | PromptResult, metric: str) -> float:
    value = found.metrics[metric].value
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("name", "size"), [("diffbench_numbers_1_10", 10), ("diffbench_dates_weekday", 7)]
)
def test_always_the_mode_scores_what_theory_says(name: str, size: int) -> None:
    found = _measure(name, mode)
    for prompt in found.prompts:
        assert prompt.metrics["overlap"].raw == pytest.approx(1 / size)
        assert _value(prompt, "valid_mass") == 1
        assert prompt.metrics["entropy"].raw == 0
        assert _value(prompt, "top_ratio") == pytest.approx(size)
        assert prompt.metrics["kl"].value is None
        assert _value(prompt, "coverage_100") == pytest.approx(1 / size)


def test_right_draws_behind_talk_count_only_under_anywhere() -> None:
    name = "diffbench_numbers_1_10"
    strict = _measure(name, talkative)
    assert _value(strict, "valid_mass") == 0
    assert strict.metrics["overlap"].raw == 0
    anywhere = _measure(name, talkative, answer_rule="anywhere")
    assert _value(anywhere, "valid_mass") == 1
    assert _value(anywhere, "overlap") > 0.9


def _equal_neighbours(found: TaskResult) -> list[float]:
    """Return each prompt's share of replies that equal the one before."""
    shares = []
    for prompt in found.prompts:
        assert prompt.equal_neighbours is not None
        assert prompt.counts is not None
        shares.append(prompt.equal_neighbours / (sum(prompt.counts) - 1))
    return shares


def test_copied_replies_are_caught() -> None:
    name = "diffbench_dates_december"
    honest, copied = (_measure(name, reply) for reply in (perfect, copying()))
    assert max(_equal_neighbours(honest)) < 0.1
    assert min(_equal_neighbours(copied)) > 0.45


def _covers(entry: MetricEntry, truth: float) -> bool:
    assert entry.interval is not None
    assert entry.interval.level == 0.95
    return entry.interval.lo - 1e-9 <= truth <= entry.interval.hi + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diffbench_numbers_1_10", "diffbench_dates_june"])
def test_a_perfect_sampler_misses_its_intervals_no_oftener_than_chance_allows(
    name: str,
) -> None:
    """Prompts of 60 runs; more misses than the 99.9 % quantile at 5 % would be a fault."""
    truths = {"overlap": 1.0, "overlap_valid": 1.0, "valid_mass": 1.0}
    prompts = [
        prompt
        for seed in range(60)
        for prompt in _measure(name, perfect, seed=seed, samples=100).prompts
    ]
    allowed = binom.ppf(0.999, len(prompts), 0.05)
    for metric, truth in truths.items():
        missed = sum(not _covers(prompt.metrics[metric], truth) for prompt in prompts)
        assert missed <= allowed, metric
