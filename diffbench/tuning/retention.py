"""What tuning must not change: plain questions, or tasks of lm-evaluation-harness.

The band within which a score counts as kept is fixed before training, from the base
model's own score.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
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

__all__ = ["Probe", "RetentionScore", "guard_prompts", "prepare_probes", "verdict"]

LEVEL = 0.95
_FEWSHOT_SEED = 1234
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


def guard_prompts(lm: EngineLM) -> list[tuple[int, ...]]:
    """Return every other plain question, rendered; the rest stay for the probe."""
    return [_prompt(lm, question) for question, _ in plain_questions()[::2]]


def prepare_probes(
    names: Sequence[str], turn: Turn, *, guarded: bool = False
) -> list[Probe]:
    """Load what the probes need, before anything slow begins.

    Args:
        names: `plain`, or names of harness tasks.
        turn: How the model's replies begin and end.
        guarded: Whether the guard trains on its half of the plain questions; then the
            other half alone is scored.

    Raises:
        TaskError: If there is no such harness task, or its data cannot be had.
    """
    others = [name for name in names if name != PLAIN]
    probes: list[Probe] = []
    if PLAIN in names:
        questions = plain_questions()[1::2] if guarded else plain_questions()
        probes.append(lambda lm: [_plain_score(lm, turn, questions)])
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


def _plain_score(
    lm: EngineLM, turn: Turn, questions: Sequence[tuple[str, str]]
) -> RetentionScore:
    """Return the share of questions whose greedy reply is the right answer."""
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
    share = right / n
    lo, hi = _wilson(right, n)
    return RetentionScore(
        name=PLAIN,
        value=share,
        stderr=math.sqrt(share * (1 - share) / n),
        lo=lo,
        hi=hi,
        n=n,
    )


def _wilson(right: int, n: int) -> tuple[float, float]:
    """Return a proportion's band; the normal one has no width where all are right."""
    band = binomtest(right, n).proportion_ci(LEVEL, method="wilson")
    return float(band.low), float(band.high)


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

    for task in _leaves(tasks):
        # Unseeded, each evaluation would draw other examples for its prompts.
        task.set_fewshot_seed(_FEWSHOT_SEED)
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
            n = int(n_samples.get(task, {}).get("effective", 0))
            # A group's mean rests on its tasks, which are here themselves.
            if not n or not isinstance(stderr, float) or not math.isfinite(stderr):
                continue
            by_filter = "" if kind == "none" else f" ({kind})"
            yield _with_band(
                f"{task} {metric}{by_filter}",
                value,
                stderr,
                n=n,
                higher_is_better=directions.get(metric) is not False,
            )


def _leaves(tasks: Mapping[Any, Any]) -> Iterator[Any]:
    """Yield the tasks of what lm-evaluation-harness loads, however it is nested."""
    if "tasks" in tasks and "groups" in tasks:
        yield from tasks["tasks"].values()
        return
    for task in tasks.values():
        if isinstance(task, Mapping):
            yield from _leaves(task)
        else:
            yield task


def _with_band(
    name: str, value: float, stderr: float, *, n: int, higher_is_better: bool
) -> RetentionScore:
    half = float(norm.ppf(0.5 + LEVEL / 2)) * stderr
    if not math.isfinite(value):
        raise ModelError(f"--retention: {printable(name)} is {value} on the base model")
    band = value - half, value + half
    if stderr == 0 and value in (0.0, 1.0):
        band = _wilson(round(value * n), n)
    return RetentionScore(
        name=name,
        value=value,
        stderr=stderr,
        lo=band[0],
        hi=band[1],
        n=n,
        higher_is_better=higher_is_better,
    )
