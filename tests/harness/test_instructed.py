"""Models of known laws on every instructed task score what theory says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from diffbench.answers import answer_string
from diffbench.harness.one_task import run_task
from diffbench.options import RunOptions
from diffbench.results import TaskResult
from diffbench.suite import TaskDefinition, shipped_catalog

CATALOG = shipped_catalog()
EXACT = [
    CATALOG.tasks[name]
    for group in ("diffbench_instructed", "diffbench_instructed_heldout")
    for name in CATALOG.groups[group].tasks
]
LISTED = [task for task in EXACT if task.prompts[0].listed is not None]

Law = Callable[[TaskDefinition, str], np.ndarray[Any, Any]]
"""From a task and a wording to the (K,) probabilities of its outcomes."""


class LawLM(LM):  # type: ignore[misc]
    """Gives each outcome, in its canonical spelling, the probability of a law."""

    protocol = "exact"
    has_order = True
    uses_chat_template = False

    def __init__(self, task: TaskDefinition, law: Law) -> None:
        super().__init__()
        self._task, self._law = task, law
        self._rng = np.random.default_rng(0)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        answers = self._task.canonical_answers()
        laws = {text: self._law(self._task, text) for text in {r.args[0] for r in requests}}
        found = []
        for request in requests:
            text, answer = request.args
            q = laws[text][answers.index(answer)] if answer in answers else 0.0
            found.append((math.log(q) if q > 0 else -math.inf, False))
        return found

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> Any:
        raise NotImplementedError

    def generate_until(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[str]:
        return [self._reply(request.args[0]) for request in requests]

    def draw(self, context: str, n: int, settings: dict[str, Any]) -> list[str]:
        return [self._reply(context) for _ in range(n)]

    def _reply(self, text: str) -> str:
        q = self._law(self._task, text)
        i = self._rng.choice(len(q) + 1, p=[*q, max(0.0, 1 - q.sum())])
        return "?" if i == len(q) else answer_string(self._task.target.outcomes[i])


def as_asked(task: TaskDefinition, text: str) -> np.ndarray[Any, Any]:
    return np.array(task.target.probabilities)


def place(task: TaskDefinition, text: str, end: int) -> np.ndarray[Any, Any]:
    """Always the option listed first (0) or last (-1); the mode where none is listed."""
    (prompt,) = (one for one in task.measured_prompts if one.text == text)
    q = np.zeros(task.target.size)
    if prompt.listed is None:
        q[int(np.argmax(task.target.probabilities))] = 1
    else:
        q[task.target.outcomes.index(prompt.listed[end])] = 1
    return q


def first(task: TaskDefinition, text: str) -> np.ndarray[Any, Any]:
    return place(task, text, 0)


def last(task: TaskDefinition, text: str) -> np.ndarray[Any, Any]:
    return place(task, text, -1)


def mode(task: TaskDefinition, text: str) -> np.ndarray[Any, Any]:
    q = np.zeros(task.target.size)
    q[int(np.argmax(task.target.probabilities))] = 1
    return q


def mixed(task: TaskDefinition, text: str) -> np.ndarray[Any, Any]:
    """Six times in ten as asked, three times the first option, once no answer."""
    return np.asarray(0.6 * as_asked(task, text) + 0.3 * first(task, text))


def measure(task: TaskDefinition, law: Law, **options: Any) -> TaskResult:
    lm: Any = LawLM(task, law)
    return run_task(lm, task, RunOptions(model="demo", **options)).result


def value(found: TaskResult, metric: str) -> float:
    number = found.metrics[metric].value
    assert number is not None
    return number


@pytest.mark.parametrize("task", EXACT, ids=lambda task: task.name)
def test_a_mixture_scores_what_theory_says(task: TaskDefinition) -> None:
    """Overlap loses 0.4 of the target but what the favourite itself was asked for."""
    found = measure(task, mixed)
    p = task.target.probabilities
    overlaps = []
    for prompt in task.measured_prompts:
        favourite = int(np.argmax(first(task, prompt.text)))
        kept = min(p[favourite], 0.6 * p[favourite] + 0.3)
        overlaps.append(0.6 * (1 - p[favourite]) + kept)
    assert value(found, "overlap") == pytest.approx(np.mean(overlaps), abs=1e-8)
    assert value(found, "valid_mass") == pytest.approx(0.9, rel=1e-9)
    if task in LISTED:
        assert found.first_option_preference == pytest.approx(1 / 3)
    else:
        assert found.first_option_preference is None


@pytest.mark.parametrize("task", EXACT[::4], ids=lambda task: task.name)
def test_doing_as_asked_is_perfect(task: TaskDefinition) -> None:
    found = measure(task, as_asked, limit=1)
    assert value(found, "overlap") == pytest.approx(1)
    assert value(found, "kl") == pytest.approx(0, abs=1e-12)
    assert value(found, "entropy") == pytest.approx(task.target.entropy_nats)


@pytest.mark.parametrize(
    ("law", "preference"), [(first, 1), (last, -1), (mode, 0), (as_asked, 0)]
)
@pytest.mark.parametrize("task", LISTED[::7], ids=lambda task: task.name)
def test_habits_show(task: TaskDefinition, law: Law, preference: float) -> None:
    assert measure(task, law).first_option_preference == pytest.approx(preference)


def test_replies_show_them_too() -> None:
    task = CATALOG.tasks["diffbench_instructed_weighted_3_1_sampled"]
    for law, preference in ((first, 1), (mode, 0)):
        found = measure(task, law, estimator="sample", samples=20)
        assert found.first_option_preference == preference
    rarely = measure(task, lambda task, text: mixed(task, text) / 1000, samples=20)
    assert rarely.first_option_preference is None


def test_names_and_places_are_counterbalanced_over_the_suite() -> None:
    """Always the first, or always the same word, has the same overlap as the other way."""
    for one, other in zip(LISTED[::2], LISTED[1::2], strict=True):
        for law in (first, last):
            both = [
                np.mean([law(t, p.text) for p in t.prompts], axis=0) for t in (one, other)
            ]
            assert both[0] == pytest.approx(both[1])
        assert one.target.outcomes == other.target.outcomes
        assert sorted(one.target.probabilities) == sorted(other.target.probabilities)
