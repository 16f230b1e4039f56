"""What a tuning needs before its first step: model, adapter, prompts, probes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from diffbench.errors import SettingsError
from diffbench.harness.dispatch import end_tokens
from diffbench.harness.lm import EngineLM
from diffbench.harness.one_task import check_scoring
from diffbench.models.load import (
    SPREAD,
    LoadedModel,
    LoadOptions,
    is_synthetic,
    load_model,
)
from diffbench.models.spec import parse_model
from diffbench.processes import Processes, is_one_of_many
from diffbench.suite import TaskDefinition
from diffbench.tuning.adapter import has_tied_output, new_adapter
from diffbench.tuning.examples import TrainingPrompt, training_prompts
from diffbench.tuning.options import PLAIN, TuneOptions, TuneProgress
from diffbench.tuning.placement import Placed, new_accelerator, place, shards
from diffbench.tuning.recipe import Recipe
from diffbench.tuning.retention import Probe, prepare_probes
from diffbench.tuning.sources import Sources
from diffbench.tuning.turns import Turn, assistant_turn
from diffbench.tuning.units import LossPath, choose_path

__all__ = ["Prepared", "data_sha256", "prepare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A loaded model with everything that it will be trained and probed on.

    The adapter is on it already, and changes nothing until it is trained.
    """

    loaded: LoadedModel
    placed: Placed
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
    accelerator = new_accelerator()
    spec = parse_model(options.model)
    progress.loading(spec.name)
    loaded = load_model(
        spec,
        LoadOptions(
            device=options.device,
            dtype=options.dtype,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
            sharded=shards(accelerator),
        ),
    )
    model = _new_adapter(loaded, options, sources, progress)
    placed = place(model, sources.recipe.optimiser, accelerator)
    lm = EngineLM(loaded)
    turn = assistant_turn(loaded.tokenizer, end_tokens(loaded))
    probes = prepare_probes(
        _retention(options, loaded), turn, guarded=sources.recipe.guard is not None
    )
    check_scoring(lm, sources.trained)
    prompts = training_prompts(lm, sources.trained, turn)
    return Prepared(
        loaded=loaded,
        placed=placed,
        lm=lm,
        turn=turn,
        prompts=prompts,
        held_out=_held_out(lm, sources, turn),
        probes=probes,
        path=_path(placed, loaded, prompts, options.max_tokens),
        fingerprint=_fingerprint(options, sources.recipe, loaded, prompts),
    )


def data_sha256(prompts: Sequence[TrainingPrompt]) -> str:
    """Hash all that the prompts say and ask for, in order."""
    content = [
        [one.task, one.prompt_id, one.prompt_sha256, one.target_sha256] for one in prompts
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _new_adapter(
    loaded: LoadedModel, options: TuneOptions, sources: Sources, progress: TuneProgress
) -> Any:
    torch.manual_seed(options.seed)
    model, settings = loaded.model, sources.recipe.lora
    if settings.output_layer and has_tied_output(model):
        progress.stage(
            "Leaving the output layer as it is: it is one matrix with the embeddings"
        )
    return new_adapter(model, settings, checkpointing=options.gradient_checkpointing)


def _path(
    placed: Placed, loaded: LoadedModel, prompts: Sequence[TrainingPrompt], max_tokens: int
) -> LossPath:
    if placed.is_sharded:
        return choose_path(loaded.model, prompts, max_tokens)
    return Processes().first(lambda: choose_path(loaded.model, prompts, max_tokens))


def _retention(options: TuneOptions, loaded: LoadedModel) -> tuple[str, ...]:
    if options.retention is not None:
        return options.retention
    return (PLAIN,) if is_synthetic(loaded) else ()


def _held_out(lm: EngineLM, sources: Sources, turn: Turn) -> list[TrainingPrompt]:
    early = sources.recipe.early_stop
    if early is None or early.held_out_patience is None:
        return []
    tasks = [
        task
        for task in sources.evaluated
        if task.split == "held_out"
        # Without sketches there is nothing that a held-out biography should say.
        and (isinstance(task, TaskDefinition) or task.sketches)
    ]
    return training_prompts(lm, tasks, turn)


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
