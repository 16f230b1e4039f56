"""The new adapter: which layers it is put on, and how they behave in training."""

from __future__ import annotations

import re
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from diffbench.errors import ModelError, printable
from diffbench.models.load import tied_modules
from diffbench.tuning.loop import set_dropout
from diffbench.tuning.recipe import LoraSettings

__all__ = ["has_tied_output", "new_adapter", "set_training"]

_OTHER_SENSES = r".*(vision|visual|image|audio|speech|multi_modal|projector).*"


def new_adapter(
    model: PreTrainedModel, settings: LoraSettings, *, checkpointing: bool
) -> Any:
    """Put a new adapter on a model, which says the same with it until it is trained.

    Args:
        model: A causal language model, which is changed in place.
        settings: Shape and layers.
        checkpointing: In training, compute activations twice to hold fewer of them.

    Raises:
        ModelError: If the model has no layers of these names, or two of them are one.
    """
    try:
        tuned: Any = get_peft_model(model, _config(model, settings))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"the recipe's adapter does not fit {type(model).__name__}: "
            f"{printable(error, 300)}; name its layers in lora.targets, or write all-linear"
        ) from error
    if tied_modules(model, tuned):
        # Merged into the one matrix, as users may do, it would act in both places.
        raise ModelError(
            "the recipe's lora.targets name the embeddings or the output layer, which are "
            "one matrix in this model; name other layers, or write all-linear"
        )
    if checkpointing:
        tuned.enable_input_require_grads()
        tuned.gradient_checkpointing_enable({"use_reentrant": False})
    tuned.eval()
    return tuned


def set_training(tuned: Any, *, checkpointing: bool) -> None:
    """Let only the adapter drop anything out; the base model is trained as it is used.

    Args:
        tuned: A model with an adapter.
        checkpointing: Compute activations twice to hold fewer of them.
    """
    tuned.eval()
    set_dropout(tuned, active=True)
    for module in tuned.modules():
        # A layer computes its activations twice only where it believes to be in training.
        if checkpointing and getattr(module, "gradient_checkpointing", False):
            module.training = True
            if isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.0


def has_tied_output(model: PreTrainedModel) -> bool:
    """Return whether a model's output layer is one matrix with its embeddings."""
    output = model.get_output_embeddings()
    return output is None or output.weight is model.get_input_embeddings().weight


def _config(model: PreTrainedModel, settings: LoraSettings) -> LoraConfig:
    targets: str | list[str] = (
        settings.targets if isinstance(settings.targets, str) else list(settings.targets)
    )
    is_all = targets == "all-linear"
    if settings.output_layer and not has_tied_output(model):
        layers = _linear_layers(model) if is_all else targets
        targets = sorted({*layers, _output_name(model)})
    # Prompts hold no pictures or sounds, so nothing would train what reads them.
    return LoraConfig(
        exclude_modules=_OTHER_SENSES if is_all and _has_other_senses(model) else None,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def _has_other_senses(model: PreTrainedModel) -> bool:
    return any(re.fullmatch(_OTHER_SENSES, name) for name, _ in model.named_modules())


def _linear_layers(model: PreTrainedModel) -> list[str]:
    """Return the last parts of the names of all linear layers, as PEFT takes them."""
    return [
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
        and not name.rsplit(".", 1)[-1].isdigit()
    ]


def _output_name(model: PreTrainedModel) -> str:
    output = model.get_output_embeddings()
    names = {module: name for name, module in model.named_modules()}
    return str(names[output])
