"""Run one biography task through lm-evaluation-harness and read its logged samples."""

from __future__ import annotations

from diffbench.harness.backends import MeasuredLM
from diffbench.harness.biography import (
    biography_prompt,
    make_biography_task,
    references_of,
)
from diffbench.harness.one_task import (
    TaskOutcome,
    decoding_of,
    logged_samples,
    refuse_open_thinking,
)
from diffbench.options import RunOptions
from diffbench.results import BiographyPrompt, BiographyResult, mean_biography_metrics
from diffbench.results.partial import SampleRow
from diffbench.suite import BiographyDefinition

__all__ = ["run_biography"]


def run_biography(
    lm: MeasuredLM, definition: BiographyDefinition, options: RunOptions
) -> TaskOutcome[BiographyResult]:
    """Measure every prompt of one task.

    Raises:
        ModelError: If the model's replies begin with reasoning that cannot be switched
            off.
    """
    task = make_biography_task(
        definition,
        samples=options.sketches,
        max_new_tokens=options.sketch_tokens,
        decoding=decoding_of(options),
    )
    prompts: list[BiographyPrompt] = []
    for entry in logged_samples(lm, task, definition.name, options.limit):
        context = entry["arguments"][0][0]
        refuse_open_thinking(context)
        prompts.append(
            biography_prompt(
                definition,
                entry["doc"]["id"],
                entry["filtered_resps"][0],
                rendered=context,
                has_order=lm.has_order,
            )
        )
    result = BiographyResult(
        name=definition.name,
        title=definition.title,
        family=definition.family,
        split=definition.split,
        version=definition.version,
        samples=options.sketches,
        max_new_tokens=options.sketch_tokens,
        references=references_of(definition),
        metrics=mean_biography_metrics([prompt.metrics for prompt in prompts]),
        prompts=prompts,
    )
    return TaskOutcome(result=result, samples=_rows(result))


def _rows(result: BiographyResult) -> list[SampleRow]:
    return [
        {"task": result.name, "prompt": prompt.id, "reply": reply, "count": n}
        for prompt in result.prompts
        for reply, n in zip(prompt.replies, prompt.counts, strict=True)
    ]
