"""Small runs made by DiffBench's own functions, for tests to write, alter and print."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from diffbench.answers import Valid, make_answer_key, read_reply
from diffbench.harness.measure import exact_prompt, sampled_prompt, target_record
from diffbench.results import (
    CommonReply,
    ModelInfo,
    PromptResult,
    RunInfo,
    RunResult,
    RunSettings,
    TaskResult,
    content_sha256,
    family_aggregates,
    first_option_preference,
    mean_metrics,
    overall_aggregate,
)
from diffbench.suite import Prompt, TaskDefinition
from diffbench.targets import Outcome, Target, make_target

__all__ = [
    "COIN",
    "COLOURS",
    "Content",
    "Path",
    "content_of",
    "definition",
    "exact_task",
    "leaves",
    "make_run",
    "make_run_of",
    "node_at",
    "sampled_task",
    "seal",
]

Content = dict[str, Any]
Path = tuple[str | int, ...]
"""Keys and positions that lead to one place in a results file."""

COIN = make_target([Outcome(text="heads"), Outcome(text="tails")])
COLOURS = make_target(
    [
        Outcome(text=name, weight=weight, value=value)
        for name, weight, value in (("red", 2, 0), ("green", 1, 1), ("blue", 1, 4))
    ]
)
_SHA = "0" * 64


def definition(target: Target = COIN, n_prompts: int = 1, **fields: Any) -> TaskDefinition:
    """A task with prompts p0, p1, …; `fields` replace any field of TaskDefinition."""
    stated: dict[str, Any] = {
        "name": "diffbench_coin",
        "family": "coins",
        "title": "A fair coin",
        "version": "1.0",
        "reference": "uniform",
        "target": target,
        "key": make_answer_key(target),
        "prompts": tuple(
            Prompt(id=f"p{i}", split="train", text=f"Wording {i}.")
            for i in range(n_prompts)
        ),
        "split": "train",
        "mode": "exact",
        "file": "coin.yaml",
    }
    return TaskDefinition(**{**stated, **fields})


def exact_task(*rows: Sequence[float], target: Target = COIN, **fields: Any) -> TaskResult:
    """A task measured exactly: one row of K probabilities for each prompt."""
    task = definition(target, len(rows), **fields)
    prompts = []
    for prompt, row in zip(task.prompts, rows, strict=True):
        # Each outcome is written as it stands, never by an alias.
        log_p = [
            math.log(q) if q > 0 and spelling == 0 else -math.inf
            for q, accepted in zip(row, task.key.spellings, strict=True)
            for spelling in range(len(accepted))
        ]
        exact = exact_prompt(task, prompt.id, log_p)
        prompts.append(
            _prompt_result(
                task,
                prompt,
                probabilities=exact.probabilities,
                counts=None,
                invalid={"any": max(0.0, 1.0 - exact.valid_mass)},
                metrics=exact.metrics,
            )
        )
    return _task_result(task, prompts, "exact")


def sampled_task(
    *replies: Sequence[str], target: Target = COIN, **fields: Any
) -> TaskResult:
    """A task measured from replies: one list of them for each prompt."""
    task = definition(target, len(replies), mode="sampled", **fields)
    prompts = []
    for prompt, drawn in zip(task.prompts, replies, strict=True):
        sampled = sampled_prompt(task, prompt.id, drawn)
        prompts.append(
            _prompt_result(
                task,
                prompt,
                probabilities=None,
                counts=sampled.counts,
                invalid={kind: float(n) for kind, n in sampled.invalid.items()},
                metrics=sampled.metrics,
                fit=sampled.fit,
                equal_neighbours=sampled.equal_neighbours,
                commonest_invalid=[
                    CommonReply(reply=reply, count=n)
                    for reply, n in sampled.replies.items()
                    if not isinstance(read_reply(reply, task.key), Valid)
                ],
            )
        )
    return _task_result(task, prompts, "sampled")


def make_run() -> RunResult:
    """Three tasks of two families: exact, exact over ordered outcomes, and sampled."""
    return make_run_of(
        exact_task((0.5, 0.25), (0.1, 0.9)),
        exact_task(
            (0.25, 0.5, 0.125),
            target=COLOURS,
            name="diffbench_colours",
            title="A colour",
            family="words",
        ),
        sampled_task(
            ["{heads}"] * 6 + ["{tails}"] * 3 + ["Sure! {tails}"],
            name="diffbench_coin_sampled",
        ),
    )


def make_run_of(*tasks: TaskResult) -> RunResult:
    """A whole sealed run of these tasks."""
    families = family_aggregates(tasks)
    result = RunResult(
        schema_version="1",
        run=RunInfo(
            id="0123456789abcdef",
            created="2026-01-01T00:00:00+00:00",
            command="diffbench run --model demo",
            diffbench="0.1.0",
            git=None,
            packages={"python": "3.11.7"},
            hardware="cpu; Linux x86_64, 2 cores",
            duration_s=1.5,
            scoring_path="packed",
            scoring_check_nats=1e-6,
        ),
        model=ModelInfo(
            spec="demo",
            id="demo",
            revision=None,
            role="base",
            parent=None,
            adapter=None,
            parameters=3_000_000,
            dtype="float32",
            architecture="LlamaForCausalLM",
            weights_fingerprint=None,
            tokenizer_sha256=_SHA,
            chat_template_sha256=None,
            synthetic=True,
        ),
        settings=RunSettings(
            estimator="auto",
            samples=1000,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
            max_new_tokens=64,
            seed=0,
            limit=None,
            protocol="independent",
            answer_rule="first",
            thinking="off",
        ),
        tasks=list(tasks),
        families=families,
        overall=overall_aggregate(families),
        content_sha256=_SHA,
    )
    return RunResult.model_validate(seal(content_of(result)))


def content_of(result: RunResult) -> Content:
    """What `results.json` holds, free to be altered."""
    return copy.deepcopy(result.model_dump(mode="json"))


def seal(content: Content) -> Content:
    """Return the content with the hash that fits it, as a careful forger would."""
    return {**content, "content_sha256": content_sha256(content)}


def leaves(node: Any, at: Path = ()) -> Iterator[Path]:
    """Where each value of a JSON document stands that holds no other."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, (*at, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from leaves(child, (*at, i))
    else:
        yield at


def node_at(content: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for step in path:
        content = content[step]
    return content


def _prompt_result(task: TaskDefinition, prompt: Prompt, **measured: Any) -> PromptResult:
    return PromptResult(
        id=prompt.id,
        text=prompt.text,
        prompt_sha256=prompt.sha256,
        listed=None if prompt.listed is None else list(prompt.listed),
        rendered_sha256=hashlib.sha256(prompt.text.encode()).hexdigest(),
        support_size=task.target.size,
        target_sha256=task.target.sha256,
        **measured,
    )


def _task_result(
    task: TaskDefinition, prompts: list[PromptResult], label: Any
) -> TaskResult:
    return TaskResult(
        name=task.name,
        title=task.title,
        family=task.family,
        split=task.split,
        reference=task.reference,
        version=task.version,
        estimator=label,
        target=target_record(task.target),
        metrics=mean_metrics([prompt.metrics for prompt in prompts]),
        first_option_preference=first_option_preference(task.target.outcomes, prompts),
        prompts=prompts,
    )
