"""What tuning must not change: plain questions, or tasks of lm-evaluation-harness.

The band within which a score counts as kept is fixed before training, from the base
model's own score.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import binomtest, norm

from diffbench.assets import asset_dir
from diffbench.engine.requests import Continuation, ScoringRequest
from diffbench.errors import ModelError, TaskError, did_you_mean, printable
from diffbench.harness.lm import EngineLM
from diffbench.tuning.options import PLAIN
from diffbench.tuning.record import RetentionVerdict
from diffbench.tuning.turns import Turn

__all__ = ["Probe", "RetentionScore", "plain_prompts", "prepare_probes", "verdict"]

LEVEL = 0.95
_TASK_FAILURES = (OSError, ValueError, LookupError, RuntimeError, ImportError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionScore:
    """A score before tuning, with the band within which it counts as kept.

    Attributes:
        name: `plain`, or the harness task and metric.
        value: The score.
        stderr: Its standard error, where there is one.
        lo: Lower end of the band.
        hi: Upper end of the band.
        n: Questions that it rests on.
        higher_is_better: Which way is worse.
    """

    name: str
    value: float
    stderr: float | None
    lo: float
    hi: float
    n: int
    higher_is_better: bool = True


Probe = Callable[[EngineLM], list[RetentionScore]]
"""Scores a model; the same before and after."""


def plain_questions() -> list[tuple[str, str]]:
    """Return the shipped plain questions, each with its one right answer."""
    path = asset_dir("training") / "plain_questions.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return [(row["question"], row["answer"]) for row in csv.DictReader(handle)]


def plain_prompts(lm: EngineLM) -> list[tuple[int, ...]]:
    """Return the plain questions as rendered prompts."""
    return [_prompt(lm, question) for question, _ in plain_questions()]


def prepare_probes(names: Sequence[str], turn: Turn) -> list[Probe]:
    """Load what the probes need, before anything slow begins.

    Raises:
        TaskError: If there is no such harness task, or its data cannot be had.
    """
    others = [name for name in names if name != PLAIN]
    probes: list[Probe] = []
    if PLAIN in names:
        probes.append(lambda lm: [_plain_score(lm, turn)])
    if others:
        tasks = _harness_tasks(others)
        probes.append(lambda lm: list(_harness_scores(lm, tasks)))
    return probes


def verdict(before: RetentionScore, after: RetentionScore) -> RetentionVerdict:
    """Say whether a score left the band that was fixed before training."""
    if before.lo <= after.value <= before.hi:
        word = "kept"
    else:
        word = "better" if (after.value > before.hi) == before.higher_is_better else "worse"
    return RetentionVerdict(
        name=before.name,
        n=before.n,
        before=before.value,
        after=after.value,
        stderr_before=before.stderr,
        stderr_after=after.stderr,
        band_lo=before.lo,
        band_hi=before.hi,
        level=LEVEL,
        verdict=word,
    )


def _plain_score(lm: EngineLM, turn: Turn) -> RetentionScore:
    """Return the share of plain questions whose greedy reply is the right answer."""
    questions = plain_questions()
    written = lm.vocabulary.encode_replies([turn.lead + answer for _, answer in questions])
    requests = [
        ScoringRequest(
            prompt=_prompt(lm, question),
            continuations=[Continuation(tokens=(*reply, *turn.end))],
        )
        for (question, _), reply in zip(questions, written, strict=True)
        if reply
    ]
    scores = lm.scorer.score(requests)
    right, n = sum(bool(one.greedy[0]) for one in scores), len(questions)
    # A normal approximation has no width at all where every answer is right.
    band = binomtest(right, n).proportion_ci(LEVEL, method="wilson")
    share = right / n
    return RetentionScore(
        name=PLAIN,
        value=share,
        stderr=math.sqrt(share * (1 - share) / n),
        lo=float(band.low),
        hi=float(band.high),
        n=n,
    )


def _prompt(lm: EngineLM, question: str) -> tuple[int, ...]:
    text = question
    if lm.uses_chat_template:
        text = lm.apply_chat_template([{"role": "user", "content": question}])
    return tuple(lm.prompt_ids(text, room=1))


def _harness_tasks(names: Sequence[str]) -> dict[str, Any]:
    from lm_eval.tasks import TaskManager

    manager = TaskManager()
    for name in names:
        if name not in manager.all_tasks:
            raise TaskError(
                f"--retention {printable(name)!r}: lm-evaluation-harness has no such task."
                f"{did_you_mean(name, manager.all_tasks)}"
            )
    try:
        # lm-eval 0.4.12 has the second only, and later ones warn of it.
        load = getattr(manager, "load", None) or manager.load_task_or_group
        return dict(load(list(names)))
    except _TASK_FAILURES as error:
        raise TaskError(
            f"--retention {printable(','.join(names))}: the data of these tasks cannot be "
            f"had ({type(error).__name__}: {printable(error, 160)}); they come from the "
            "Hugging Face hub, so check the network, or leave the tasks out"
        ) from error


def _harness_scores(lm: EngineLM, tasks: dict[str, Any]) -> Iterator[RetentionScore]:
    from lm_eval.evaluator import evaluate

    evaluated = evaluate(
        lm,
        tasks,
        bootstrap_iters=1000,
        log_samples=False,
        apply_chat_template=lm.uses_chat_template,
    )
    n_samples = evaluated["n-samples"]
    for task, results in sorted(evaluated["results"].items()):
        directions = evaluated["higher_is_better"].get(task, {})
        for key, value in sorted(results.items()):
            metric, _, kind = key.partition(",")
            stderr = results.get(f"{metric}_stderr,{kind}")
            if metric.endswith("_stderr") or not isinstance(value, float):
                continue
            if not isinstance(stderr, float) or not math.isfinite(stderr):
                continue
            yield _with_band(
                f"{task} {metric}",
                value,
                stderr,
                n=int(n_samples.get(task, {}).get("effective", 0)),
                higher_is_better=directions.get(metric) is not False,
            )


def _with_band(
    name: str, value: float, stderr: float, *, n: int, higher_is_better: bool
) -> RetentionScore:
    half = float(norm.ppf(0.5 + LEVEL / 2)) * stderr
    if not math.isfinite(value):
        raise ModelError(f"--retention: {printable(name)} is {value} on the base model")
    return RetentionScore(
        name=name,
        value=value,
        stderr=stderr,
        lo=value - half,
        hi=value + half,
        n=n,
        higher_is_better=higher_is_better,
    )
