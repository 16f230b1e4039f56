"""Who was measured and how: the parts of a results file that are not measurements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

from diffbench.errors import printable
from diffbench.harness.adapter import adapter_info
from diffbench.models.load import LoadedModel, is_synthetic
from diffbench.options import RunOptions
from diffbench.results import ModelInfo, RunSettings
from diffbench.suite import AnyTask, BiographyDefinition, TaskDefinition
from diffbench.version import __version__

__all__ = [
    "model_info",
    "run_command",
    "run_id",
    "run_settings",
    "template_sha256",
    "tokenizer_sha256",
]


def model_info(loaded: LoadedModel, options: RunOptions) -> ModelInfo:
    """Describe the model; local folders by their last name only."""
    spec, model = loaded.spec, loaded.model
    adapter = None
    if options.adapter is not None and loaded.adapter_sha256 is not None:
        adapter = adapter_info(options.adapter, loaded.adapter_sha256)
    return ModelInfo(
        spec=spec.public,
        id=spec.name if adapter is None else f"{spec.name}+{adapter.name}",
        revision=loaded.revision,
        role="base" if adapter is None else "tuned",
        parent=None if adapter is None else spec.name,
        adapter=adapter,
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        architecture=type(model).__name__,
        weights_fingerprint=loaded.weights_fingerprint,
        tokenizer_sha256=tokenizer_sha256(loaded.tokenizer),
        chat_template_sha256=template_sha256(loaded.tokenizer),
        synthetic=is_synthetic(loaded),
    )


def run_settings(
    options: RunOptions, thinking: Literal["off", "unknown"] = "off"
) -> RunSettings:
    """Return the settings that decide the numbers."""
    return RunSettings(
        estimator=options.estimator,
        epsilon=options.epsilon if options.estimator == "expand" else None,
        samples=options.replies,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        min_p=options.min_p,
        max_new_tokens=options.longest_reply,
        seed=options.seed,
        limit=options.limit,
        protocol=options.protocol,
        draws_per_reply=options.draws,
        answer_rule=options.answer_rule,
        thinking=thinking,
    )


def run_id(model: ModelInfo, settings: RunSettings, tasks: Sequence[AnyTask]) -> str:
    """Hash everything that decides the numbers, 16 hex digits."""
    content: dict[str, Any] = {
        "diffbench": __version__,
        "model": model.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "tasks": [
            [
                task.name,
                task.version,
                task.target.sha256,
                [list(accepted) for accepted in task.key.spellings],
                [prompt.sha256 for prompt in task.measured_prompts],
            ]
            for task in tasks
            if isinstance(task, TaskDefinition)
        ],
    }
    biographies = [
        [
            task.name,
            task.version,
            [[one.field, one.target.sha256] for one in task.references],
            [prompt.sha256 for prompt in task.measured_prompts],
        ]
        for task in tasks
        if isinstance(task, BiographyDefinition)
    ]
    if biographies:
        content["biographies"] = biographies
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_command(model: ModelInfo, options: RunOptions, *, open_ended: bool = False) -> str:
    """Return the command that repeats the run, local folders by their last name.

    Args:
        model: Who was measured.
        options: How.
        open_ended: Whether biographies were drawn, which have defaults of their own.
    """
    words = ["diffbench", "run", "--model", model.spec]
    words += ["--tasks", ",".join(name.rsplit("/", 1)[-1] for name in options.tasks)]
    words += ["--estimator", options.estimator]
    if options.samples is not None or not open_ended:
        words += ["--samples", str(options.replies)]
    if options.estimator == "expand":
        words += ["--epsilon", str(options.epsilon)]
    if options.protocol == "list":
        words += ["--protocol", "list", "--draws-per-reply", str(options.draws)]
    if options.max_new_tokens is not None or not open_ended:
        words += ["--max-new-tokens", str(options.longest_reply)]
    words += ["--seed", str(options.seed), "--answer-rule", options.answer_rule]
    words += ["--temperature", str(options.temperature), "--top-p", str(options.top_p)]
    words += ["--top-k", str(options.top_k), "--min-p", str(options.min_p)]
    if options.limit is not None:
        words += ["--limit", str(options.limit)]
    if options.adapter is not None:
        words += ["--adapter", options.adapter.resolve().name]
    return printable(" ".join(words), limit=1000)


def tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash a vocabulary in the order of its tokens."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return hashlib.sha256(json.dumps(vocabulary).encode()).hexdigest()


def template_sha256(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Hash a chat template, if there is one."""
    template = getattr(tokenizer, "chat_template", None)
    if not template:
        return None
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
