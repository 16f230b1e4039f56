"""Small made-up results by which the gate shows that it fails and passes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from diffbench.hashing import prompt_sha256
from diffbench.results import (
    EstimatorLabel,
    MetricEntry,
    PromptResult,
    RunInfo,
    RunResult,
    RunSettings,
    TargetRecord,
    TaskResult,
    mean_metrics,
    metrics_from_counts,
    metrics_from_probabilities,
    named_model,
    sealed_result,
)
from diffbench.targets import Outcome, make_target

__all__ = ["fixture_result", "fixture_task"]

_TARGET = make_target([Outcome(text=name) for name in ("heads", "tails")])


def fixture_task(
    name: str,
    *,
    probabilities: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    n_invalid: int = 0,
) -> TaskResult:
    """Return a coin measured on one prompt, exactly or from replies."""
    target = TargetRecord(
        outcomes=list(_TARGET.outcomes),
        probabilities=list(_TARGET.probabilities),
        aliases=[[], []],
        values=None,
        listed_mass=1.0,
        sha256=_TARGET.sha256,
    )
    estimator: EstimatorLabel = "exact" if counts is None else "sampled"
    if counts is not None:
        metrics = metrics_from_counts(target, counts, n_invalid)
        invalid = {"no_braces": float(n_invalid)} if n_invalid else {}
    else:
        metrics = metrics_from_probabilities(target, probabilities or [])
        invalid = {"any": max(0.0, 1.0 - sum(probabilities or []))}
    prompt = _prompt(probabilities, counts, invalid, metrics)
    return TaskResult(
        name=name,
        title=f"A coin ({name})",
        family="coins",
        split="train",
        reference="uniform",
        version="1.0",
        estimator=estimator,
        target=target,
        metrics=mean_metrics([metrics]),
        prompts=[prompt],
    )


def fixture_result(*tasks: TaskResult) -> RunResult:
    """Return a whole sealed result of a model that does not exist."""
    model = named_model("fixture", "fixture", synthetic=True)
    return sealed_result(
        run=RunInfo(
            id="fixture",
            created="2026-01-01T00:00:00+00:00",
            command="none",
            diffbench="fixture",
            git=None,
            packages={},
            hardware="none",
            duration_s=0.0,
            scoring_path=None,
            scoring_check_nats=None,
        ),
        model=model.model_copy(update={"dtype": "float32"}),
        settings=_settings(),
        tasks=tasks,
    )


def _prompt(
    probabilities: Sequence[float] | None,
    counts: Sequence[int] | None,
    invalid: dict[str, float],
    metrics: dict[str, MetricEntry],
) -> PromptResult:
    text = "Toss a coin."
    return PromptResult(
        id="p0",
        text=text,
        prompt_sha256=prompt_sha256(text, ""),
        rendered_sha256=hashlib.sha256(text.encode()).hexdigest(),
        support_size=2,
        target_sha256=_TARGET.sha256,
        probabilities=None if probabilities is None else list(probabilities),
        counts=None if counts is None else list(counts),
        invalid=invalid,
        metrics=metrics,
    )


def _settings() -> RunSettings:
    return RunSettings(
        estimator="auto",
        samples=400,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        max_new_tokens=64,
        seed=0,
        limit=None,
        protocol="independent",
        answer_rule="first",
        thinking="off",
    )
