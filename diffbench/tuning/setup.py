"""What a tuning needs before its first step: model, prompts, probes, a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from diffbench.errors import ModelError, printable
from diffbench.harness.dispatch import end_tokens
from diffbench.harness.lm import EngineLM
from diffbench.models.load import LoadedModel, LoadOptions, is_synthetic, load_model
from diffbench.models.spec import parse_model
from diffbench.tuning.examples import TrainingPrompt, training_prompts
from diffbench.tuning.options import PLAIN, TuneOptions, TuneProgress
from diffbench.tuning.recipe import LoraSettings, Recipe
from diffbench.tuning.retention import Probe, prepare_probes
from diffbench.tuning.sources import Sources
from diffbench.tuning.turns import Turn, assistant_turn
from diffbench.tuning.units import LossPath, choose_path

__all__ = ["Prepared", "data_sha256", "prepare", "with_adapter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A loaded model with everything that it will be trained and probed on."""

    loaded: LoadedModel
    lm: EngineLM
    turn: Turn
    prompts: Sequence[TrainingPrompt]
    held_out: Sequence[TrainingPrompt]
    probes: Sequence[Probe]
    path: LossPath
    fingerprint: str


def prepare(options: TuneOptions, sources: Sources, progress: TuneProgress) -> Prepared:
    """Load the model and render the prompts.

    Raises:
        DiffBenchError: If the model cannot be loaded or trained on these tasks, or a
            retention task cannot be had.
    """
    spec = parse_model(options.model)
    progress.loading(spec.name)
    loaded = load_model(
        spec,
        LoadOptions(
            device=options.device,
            dtype=options.dtype,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
        ),
    )
    lm = EngineLM(loaded)
    turn = assistant_turn(loaded.tokenizer, end_tokens(loaded))
    probes = prepare_probes(_retention(options, loaded), turn)
    prompts = training_prompts(lm, sources.trained, turn)
    return Prepared(
        loaded=loaded,
        lm=lm,
        turn=turn,
        prompts=prompts,
        held_out=_held_out(lm, sources, turn),
        probes=probes,
        path=choose_path(loaded.model, prompts, options.max_tokens),
        fingerprint=_fingerprint(options, sources.recipe, loaded, prompts),
    )


def with_adapter(prepared: Prepared, options: TuneOptions, recipe: Recipe) -> Any:
    """Put a new adapter on the model and make it ready for training.

    Raises:
        ModelError: If the model has no layers of the recipe's names.
    """
    torch.manual_seed(options.seed)
    model: Any = prepared.loaded.model
    try:
        tuned: Any = get_peft_model(model, _lora(recipe.lora))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"the recipe's adapter does not fit {type(model).__name__}: "
            f"{printable(error, 300)}; name its layers in lora.targets, or write all-linear"
        ) from error
    if options.gradient_checkpointing:
        tuned.enable_input_require_grads()
        tuned.gradient_checkpointing_enable({"use_reentrant": False})
    _set_modes(tuned, checkpointing=options.gradient_checkpointing)
    return tuned


def data_sha256(prompts: Sequence[TrainingPrompt]) -> str:
    """Hash all that the prompts say and ask for, in order."""
    content = [
        [one.task, one.prompt_id, one.prompt_sha256, one.target_sha256] for one in prompts
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _retention(options: TuneOptions, loaded: LoadedModel) -> tuple[str, ...]:
    if options.retention is not None:
        return options.retention
    return (PLAIN,) if is_synthetic(loaded) else ()


def _held_out(lm: EngineLM, sources: Sources, turn: Turn) -> list[TrainingPrompt]:
    early = sources.recipe.early_stop
    if early is None or early.held_out_patience is None:
        return []
    tasks = [task for task in sources.evaluated if task.split == "held_out"]
    return training_prompts(lm, tasks, turn)


def _lora(settings: LoraSettings) -> LoraConfig:
    targets = settings.targets
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )


def _set_modes(tuned: Any, *, checkpointing: bool) -> None:
    """Let only the adapter drop anything out; the base model is trained as it is used."""
    # Activations are computed twice only where a model believes that it is in training.
    tuned.train(checkpointing)
    for name, module in tuned.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.train("lora_dropout" in name)


def _fingerprint(
    options: TuneOptions,
    recipe: Recipe,
    loaded: LoadedModel,
    prompts: Sequence[TrainingPrompt],
) -> str:
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "seed": options.seed,
        "data": data_sha256(prompts),
        "model": [loaded.spec.public, loaded.revision, loaded.weights_fingerprint],
        "dtype": str(loaded.model.dtype),
        "max_tokens": options.max_tokens,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
