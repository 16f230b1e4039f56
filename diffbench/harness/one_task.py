"""Run one task through lm-evaluation-harness and read its logged samples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from jinja2 import TemplateError
from lm_eval.api.task import Task
from lm_eval.evaluator import evaluate

from diffbench.answers import AnswerRule, Valid, read_reply
from diffbench.engine.decoding import Decoding
from diffbench.errors import ModelError, printable
from diffbench.harness.backends import MeasuredLM
from diffbench.harness.biography import harness_task
from diffbench.harness.expand import ExpandedPrompt, ExpandingLM, expand_prompt
from diffbench.harness.lists import listed_prompt
from diffbench.harness.measure import count_replies, sampled_prompt, target_record
from diffbench.harness.task import DistributionTask, generation_settings, make_task
from diffbench.options import RunOptions
from diffbench.results import (
    CommonReply,
    EstimatorLabel,
    PromptResult,
    ReplyProbe,
    TaskResult,
    first_option_preference,
    mean_metrics,
)
from diffbench.results.partial import AnyResult, SampleRow
from diffbench.suite import AnyTask, Prompt, TaskDefinition

__all__ = [
    "TaskOutcome",
    "check_scoring",
    "decoding_of",
    "logged_samples",
    "refuse_open_thinking",
    "run_task",
]

PROBE_BELOW_VALID_MASS = 0.9
PROBE_REPLIES = 100
_INVALID_SHOWN = 5
_REPLY_SHOWN = 500


_Result_co = TypeVar("_Result_co", bound=AnyResult, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutcome(Generic[_Result_co]):
    """A measured task, and the distinct replies behind it, if any were drawn."""

    result: _Result_co
    samples: list[SampleRow]


def run_task(
    lm: MeasuredLM, definition: TaskDefinition, options: RunOptions
) -> TaskOutcome[TaskResult]:
    """Measure every prompt of one task.

    Raises:
        ModelError: If the model's replies begin with reasoning that cannot be switched
            off, or its probabilities are not a distribution.
    """
    task = make_task(
        definition,
        protocol=lm.protocol,
        samples=options.replies,
        max_new_tokens=options.longest_reply,
        decoding=decoding_of(options),
    )
    logged = logged_samples(lm, task, definition.name, options.limit)
    by_id = {prompt.id: prompt for prompt in definition.measured_prompts}
    prompts: list[PromptResult] = []
    samples: list[SampleRow] = []
    for entry in logged:
        prompt = by_id[entry["doc"]["id"]]
        context = entry["arguments"][0][0]
        refuse_open_thinking(context)
        if definition.mode == "exact":
            result, rows = _exact(lm, task, prompt, entry, options)
        elif definition.draws > 1:
            result, rows = _listed(definition, prompt, entry, options)
        else:
            result, rows = _sampled(lm, definition, prompt, entry, options)
        prompts.append(result)
        samples += rows
    return TaskOutcome(
        result=_task_result(definition, prompts, _label(lm, definition, options)),
        samples=samples,
    )


def decoding_of(options: RunOptions) -> Decoding:
    """Return the options that decide how a token is drawn."""
    return Decoding(
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        min_p=options.min_p,
    )


def check_scoring(lm: MeasuredLM, tasks: Sequence[AnyTask]) -> None:
    """Render a prompt and choose the scoring path before anything is measured.

    The path is chosen on the exact task of most answers. An interrupted run that goes on
    chooses on the same prompt as it did at first.

    Raises:
        ModelError: If the chat template is broken or forces thinking, or the model cannot
            be scored.
    """
    closed = [task for task in tasks if isinstance(task, TaskDefinition)]
    exact = [task for task in closed if task.mode == "exact"]
    first = max(exact, key=_n_spellings) if exact else tasks[0]
    task = harness_task(first, protocol=lm.protocol)
    chat = lm.uses_chat_template
    template = lm.apply_chat_template if chat else None
    try:
        task.build_all_requests(limit=1, apply_chat_template=chat, chat_template=template)
    except TemplateError as error:
        raise ModelError(
            f"the model's chat template cannot be rendered: {printable(error)}"
        ) from error
    refuse_open_thinking(str(task.instances[0].args[0]))
    if exact:
        lm.loglikelihood(task.instances, disable_tqdm=True)


def _n_spellings(task: TaskDefinition) -> int:
    return len(task.key.index)


def logged_samples(
    lm: MeasuredLM, task: Task, name: str, limit: int | None
) -> Sequence[Mapping[str, Any]]:
    """Run a task of some name and return what the harness logged of each prompt."""
    evaluated = evaluate(
        lm,
        {"tasks": {name: task}},
        limit=limit,
        bootstrap_iters=0,
        log_samples=True,
        apply_chat_template=lm.uses_chat_template,
    )
    logged: Sequence[Mapping[str, Any]] = evaluated["samples"][name]
    return logged


def refuse_open_thinking(context: str) -> None:
    """Refuse a rendered prompt that ends in reasoning.

    Raises:
        ModelError: If it does.
    """
    if context.rstrip().endswith("<think>"):
        raise ModelError(
            "this model's chat template opens a <think> block that cannot be switched "
            "off, so its replies are not answers; measure a model without forced thinking"
        )


def _exact(
    lm: MeasuredLM,
    task: DistributionTask,
    prompt: Prompt,
    entry: Mapping[str, Any],
    options: RunOptions,
) -> tuple[PromptResult, list[SampleRow]]:
    exact = task.exact(prompt.id, entry["filtered_resps"])
    context = entry["arguments"][0][0]
    probe, rows = None, []
    if exact.valid_mass < PROBE_BELOW_VALID_MASS:
        settings = generation_settings(decoding_of(options))
        settings["max_gen_toks"] = options.longest_reply
        replies = lm.draw(context, PROBE_REPLIES, settings)
        probe = _probe(task.definition, replies)
        drawn = count_replies(task.definition, replies).replies
        rows = _rows(task.definition, prompt, drawn)
    if options.estimator == "expand":
        if not isinstance(lm, ExpandingLM):
            raise ModelError("--estimator expand needs a model whose logits can be read")
        answers = [str(asked[1]) for asked in entry["arguments"]]
        expanded = expand_prompt(lm, task.definition, context, answers, options)
        return _expanded_result(task.definition, prompt, context, expanded, probe), rows
    result = _prompt_result(
        task.definition,
        prompt,
        context,
        probabilities=exact.probabilities,
        counts=None,
        invalid={"any": max(0.0, 1.0 - exact.valid_mass)},
        metrics=exact.metrics,
        probe=probe,
    )
    return result, rows


def _expanded_result(
    definition: TaskDefinition,
    prompt: Prompt,
    context: str,
    expanded: ExpandedPrompt,
    probe: ReplyProbe | None,
) -> PromptResult:
    return _prompt_result(
        definition,
        prompt,
        context,
        probabilities=expanded.probabilities,
        counts=None,
        invalid={"any": max(0.0, 1.0 - sum(expanded.probabilities))},
        metrics=expanded.metrics,
        probe=probe,
        exploration=expanded.exploration,
    )


def _sampled(
    lm: MeasuredLM,
    definition: TaskDefinition,
    prompt: Prompt,
    entry: Mapping[str, Any],
    options: RunOptions,
) -> tuple[PromptResult, list[SampleRow]]:
    replies = entry["filtered_resps"][0]
    drawn = sampled_prompt(definition, prompt.id, replies, options.answer_rule)
    result = _prompt_result(
        definition,
        prompt,
        entry["arguments"][0][0],
        probabilities=None,
        counts=drawn.counts,
        invalid={kind: float(n) for kind, n in drawn.invalid.items()},
        metrics=drawn.metrics,
        probe=None,
        fit=drawn.fit,
        equal_neighbours=drawn.equal_neighbours if lm.has_order else None,
        commonest_invalid=_commonest_invalid(
            definition, drawn.replies, options.answer_rule
        ),
    )
    return result, _rows(definition, prompt, drawn.replies)


def _listed(
    definition: TaskDefinition,
    prompt: Prompt,
    entry: Mapping[str, Any],
    options: RunOptions,
) -> tuple[PromptResult, list[SampleRow]]:
    drawn = listed_prompt(definition, entry["filtered_resps"][0], options.answer_rule)
    result = _prompt_result(
        definition,
        prompt,
        entry["arguments"][0][0],
        probabilities=None,
        counts=drawn.counts,
        invalid={kind: float(n) for kind, n in drawn.invalid.items()},
        metrics=drawn.metrics,
        probe=None,
        fit=drawn.fit,
        lists=drawn.lists,
    )
    return result, _rows(definition, prompt, drawn.replies)


def _probe(definition: TaskDefinition, replies: Sequence[str]) -> ReplyProbe:
    drawn = count_replies(definition, replies)
    anywhere = count_replies(definition, replies, "anywhere")
    return ReplyProbe(
        n=len(replies),
        valid_first=sum(drawn.counts),
        valid_anywhere=sum(anywhere.counts),
        commonest_invalid=_commonest_invalid(definition, drawn.replies),
    )


def _commonest_invalid(
    definition: TaskDefinition, replies: Mapping[str, int], rule: AnswerRule = "first"
) -> list[CommonReply]:
    """Return the first invalid ones of distinct replies, which come by falling count."""
    invalid = (
        CommonReply(reply=reply[:_REPLY_SHOWN], count=n)
        for reply, n in replies.items()
        if not isinstance(read_reply(reply, definition.key, rule), Valid)
    )
    return list(islice(invalid, _INVALID_SHOWN))


def _prompt_result(
    definition: TaskDefinition, prompt: Prompt, context: str, **measured: Any
) -> PromptResult:
    return PromptResult(
        id=prompt.id,
        text=prompt.text,
        prefix=prompt.prefix,
        prompt_sha256=prompt.sha256,
        listed=None if prompt.listed is None else list(prompt.listed),
        rendered_sha256=hashlib.sha256(context.encode()).hexdigest(),
        support_size=definition.target.size,
        target_sha256=definition.target.sha256,
        **measured,
    )


def _rows(
    definition: TaskDefinition, prompt: Prompt, replies: Mapping[str, int]
) -> list[SampleRow]:
    return [
        {
            "task": definition.name,
            "prompt": prompt.id,
            "reply": reply,
            "count": n,
        }
        for reply, n in replies.items()
    ]


def _label(
    lm: MeasuredLM, definition: TaskDefinition, options: RunOptions
) -> EstimatorLabel:
    if definition.mode == "exact" and options.estimator == "expand":
        return "expanded"
    return "sampled" if definition.mode == "sampled" else lm.protocol


def _task_result(
    definition: TaskDefinition, prompts: list[PromptResult], label: EstimatorLabel
) -> TaskResult:
    return TaskResult(
        name=definition.name,
        title=definition.title,
        family=definition.family,
        split=definition.split,
        reference=definition.reference,
        version=definition.version,
        estimator=label,
        target=target_record(definition.target),
        metrics=mean_metrics([prompt.metrics for prompt in prompts]),
        first_option_preference=first_option_preference(
            definition.target.outcomes, prompts
        ),
        prompts=prompts,
    )
