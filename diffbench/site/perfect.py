"""A scripted sampler that draws as asked: the ceiling that any model could reach.

Its replies are read and counted by the same code as a model's, so its values show what the
number of replies alone does to a perfect model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from diffbench.errors import SettingsError
from diffbench.harness.identity import run_settings
from diffbench.harness.measure import sampled_prompt, target_record
from diffbench.options import RunOptions
from diffbench.results import (
    Independence,
    PromptResult,
    RunInfo,
    RunResult,
    TaskResult,
    mean_metrics,
    named_model,
    sealed_result,
)
from diffbench.results.provenance import checkout, hardware, package_versions
from diffbench.site.runs import PERFECT_SPEC
from diffbench.suite import Prompt, TaskDefinition
from diffbench.version import __version__

__all__ = ["perfect_run"]

_UNLISTED = "{an outcome beyond the list}"


def perfect_run(
    tasks: Sequence[TaskDefinition], *, samples: int, seed: int, created: str
) -> RunResult:
    """Return a sealed result of a sampler whose replies follow every target.

    Args:
        tasks: What it is asked.
        samples: Replies a prompt, at least 1.
        seed: Of the draws.
        created: When, as an ISO 8601 time.

    Raises:
        SettingsError: If there is no task, or no reply.
    """
    if not tasks or samples < 1:
        raise SettingsError("a perfect sampler needs at least one task and one reply")
    rng = np.random.default_rng(seed)
    measured = [_task(task.as_mode("sampled"), samples, rng) for task in tasks]
    return sealed_result(
        run=_run_info(measured, samples, seed, created),
        model=named_model(PERFECT_SPEC, "perfect sampler", synthetic=True),
        settings=run_settings(
            RunOptions(model="demo", estimator="sample", samples=samples, seed=seed), "off"
        ),
        tasks=measured,
    )


def _task(task: TaskDefinition, samples: int, rng: np.random.Generator) -> TaskResult:
    prompts = [_prompt(task, prompt, samples, rng) for prompt in task.measured_prompts]
    return TaskResult(
        name=task.name,
        title=task.title,
        family=task.family,
        split=task.split,
        reference=task.reference,
        version=task.version,
        estimator="sampled",
        target=target_record(task.target),
        metrics=mean_metrics([prompt.metrics for prompt in prompts]),
        prompts=prompts,
    )


def _prompt(
    task: TaskDefinition, prompt: Prompt, samples: int, rng: np.random.Generator
) -> PromptResult:
    drawn = sampled_prompt(task, prompt.id, _replies(task, samples, rng))
    return PromptResult(
        id=prompt.id,
        text=prompt.text,
        prefix=prompt.prefix,
        prompt_sha256=prompt.sha256,
        rendered_sha256=hashlib.sha256(prompt.text.encode()).hexdigest(),
        support_size=task.target.size,
        target_sha256=task.target.sha256,
        probabilities=None,
        counts=drawn.counts,
        invalid={kind: float(n) for kind, n in drawn.invalid.items()},
        metrics=drawn.metrics,
    )


def _replies(task: TaskDefinition, samples: int, rng: np.random.Generator) -> Iterator[str]:
    """Draw replies; where the target lists a part, the rest is said, too."""
    p = np.asarray(task.target.probabilities)
    listed = task.target.listed_mass
    shares = np.append(p / p.sum() * listed, max(0.0, 1.0 - listed))
    counts = rng.multinomial(samples, shares / shares.sum())
    for answer, n in zip((*task.canonical_answers(), _UNLISTED), counts, strict=True):
        yield from [answer] * int(n)


def _run_info(
    tasks: Sequence[TaskResult], samples: int, seed: int, created: str
) -> RunInfo:
    names = ",".join(task.name for task in tasks)
    identity = f"{PERFECT_SPEC} {__version__} {samples} {seed} {names}"
    return RunInfo(
        id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        created=created,
        command="make published-results",
        diffbench=__version__,
        git=checkout(),
        packages=package_versions(),
        hardware=hardware("cpu"),
        duration_s=0.0,
        scoring_path=None,
        scoring_check_nats=None,
        independence=Independence(verdict="by_construction", seeds="one_stream"),
    )
