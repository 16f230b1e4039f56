"""What a tuning needs before its first step: model, prompts, probes, a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from diffbench.errors import ModelError, SettingsError, printable
from diffbench.harness.dispatch import end_tokens
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import check_scoring
from diffbench.models.load import (
    SPREAD,
    LoadedModel,
    LoadOptions,
    is_synthetic,
    load_model,
    tied_modules,
)
from diffbench.models.spec import parse_model
from diffbench.processes import Processes, is_one_of_many
from diffbench.tuning.examples import TrainingPrompt, training_prompts
from diffbench.tuning.loop import set_dropout
from diffbench.tuning.options import PLAIN, TuneOptions, TuneProgress
from diffbench.tuning.recipe import LoraSettings, Recipe
from diffbench.tuning.retention import Probe, prepare_probes
from diffbench.tuning.sources import Sources
from diffbench.tuning.turns import Turn, assistant_turn
from diffbench.tuning.units import LossPath, choose_path

__all__ = ["Prepared", "data_sha256", "prepare", "with_adapter"]


_OTHER_SENSES = r".*(vision|visual|image|audio|speech|multi_modal|projector).*"


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
    if is_one_of_many() and (
        options.device == SPREAD or (options.device == "cpu" and torch.cuda.is_available())
    ):
        raise SettingsError(
            f"--device {options.device} is for one process; several have a device each"
        )
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
    probes = prepare_probes(
        _retention(options, loaded), turn, guarded=sources.recipe.guard is not None
    )
    check_scoring(lm, sources.trained)
    prompts = training_prompts(lm, sources.trained, turn)
    return Prepared(
        loaded=loaded,
        lm=lm,
        turn=turn,
        prompts=prompts,
        held_out=_held_out(lm, sources, turn),
        probes=probes,
        path=Processes().first(
            lambda: choose_path(loaded.model, prompts, options.max_tokens)
        ),
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
    _refuse_tied(model, tuned)
    if options.gradient_checkpointing:
        tuned.enable_input_require_grads()
        tuned.gradient_checkpointing_enable({"use_reentrant": False})
    _set_modes(tuned, checkpointing=options.gradient_checkpointing)
    return tuned


def _refuse_tied(model: PreTrainedModel, tuned: Any) -> None:
    """Refuse an adapter on embeddings that are also the output layer.

    Merged into the one matrix, as measuring does, it would act in both places.
    """
    if not tied_modules(model, tuned):
        return
    raise ModelError(
        "the recipe's lora.targets name the embeddings or the output layer, which are one "
        "matrix in this model; name other layers, or write all-linear"
    )


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
    # Prompts hold no pictures or sounds, so nothing would train what reads them.
    return LoraConfig(
        exclude_modules=_OTHER_SENSES if targets == "all-linear" else None,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )


def _set_modes(tuned: Any, *, checkpointing: bool) -> None:
    """Let only the adapter drop anything out; the base model is trained as it is used."""
    tuned.eval()
    set_dropout(tuned, active=True)
    for module in tuned.modules():
        # A layer computes its activations twice only where it believes to be in training.
        if checkpointing and getattr(module, "gradient_checkpointing", False):
            module.training = True
            if isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.0


def _fingerprint(
    options: TuneOptions,
    recipe: Recipe,
    loaded: LoadedModel,
    prompts: Sequence[TrainingPrompt],
) -> str:
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "seed": options.seed,
        "data": [[one.tokens, one.replies, one.weights] for one in prompts],
        "model": [loaded.spec.public, loaded.revision, loaded.weights_fingerprint],
        "dtype": str(loaded.model.dtype),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
