"""Who was measured and how: the parts of a results file that are not measurements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from diffbench.errors import printable
from diffbench.models.load import LoadedModel
from diffbench.options import RunOptions
from diffbench.results import AdapterInfo, ModelInfo, RunSettings
from diffbench.suite import TaskDefinition
from diffbench.version import __version__

__all__ = ["model_info", "run_command", "run_id", "run_settings"]


def model_info(loaded: LoadedModel, options: RunOptions) -> ModelInfo:
    """Describe the model; local folders by their last name only."""
    spec, model = loaded.spec, loaded.model
    adapter = None
    if options.adapter is not None and loaded.adapter_sha256 is not None:
        adapter = AdapterInfo(
            sha256=loaded.adapter_sha256, name=options.adapter.resolve().name
        )
    return ModelInfo(
        spec=_public_spec(loaded),
        id=spec.name if adapter is None else f"{spec.name}+{adapter.name}",
        revision=loaded.revision,
        role="base" if adapter is None else "tuned",
        parent=None if adapter is None else spec.name,
        adapter=adapter,
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        architecture=type(model).__name__,
        weights_fingerprint=loaded.weights_fingerprint,
        tokenizer_sha256=_tokenizer_sha256(loaded.tokenizer),
        chat_template_sha256=_template_sha256(loaded.tokenizer),
        synthetic=spec.kind == "demo" or bool(getattr(model.config, "synthetic", False)),
    )


def run_settings(options: RunOptions) -> RunSettings:
    """Return the settings that decide the numbers."""
    return RunSettings(
        estimator=options.estimator,
        samples=options.samples,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        min_p=options.min_p,
        max_new_tokens=options.max_new_tokens,
        seed=options.seed,
        limit=options.limit,
        protocol="independent",
        answer_rule=options.answer_rule,
        thinking="off",
    )


def run_id(model: ModelInfo, settings: RunSettings, tasks: Sequence[TaskDefinition]) -> str:
    """Hash everything that decides the numbers, 16 hex digits."""
    content = {
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
        ],
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_command(loaded: LoadedModel, options: RunOptions) -> str:
    """Return the command that repeats the run, local folders by their last name."""
    words = ["diffbench", "run", "--model", _public_spec(loaded)]
    words += ["--tasks", ",".join(name.rsplit("/", 1)[-1] for name in options.tasks)]
    words += ["--estimator", options.estimator, "--samples", str(options.samples)]
    words += ["--max-new-tokens", str(options.max_new_tokens)]
    words += ["--seed", str(options.seed), "--answer-rule", options.answer_rule]
    words += ["--temperature", str(options.temperature), "--top-p", str(options.top_p)]
    words += ["--top-k", str(options.top_k), "--min-p", str(options.min_p)]
    if options.limit is not None:
        words += ["--limit", str(options.limit)]
    if options.adapter is not None:
        words += ["--adapter", options.adapter.resolve().name]
    return printable(" ".join(words), limit=1000)


def _public_spec(loaded: LoadedModel) -> str:
    return "demo" if loaded.spec.kind == "demo" else f"hf:{loaded.spec.name}"


def _tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return hashlib.sha256(json.dumps(vocabulary).encode()).hexdigest()


def _template_sha256(tokenizer: PreTrainedTokenizerBase) -> str | None:
    template = getattr(tokenizer, "chat_template", None)
    if not template:
        return None
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
