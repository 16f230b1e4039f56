"""Where a model is trained: on one device, as a copy on each, or in shards over all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator, FullyShardedDataParallelPlugin

from diffbench.errors import SettingsError
from diffbench.processes import is_one_of_many
from diffbench.tuning.recipe import OptimiserSettings

__all__ = ["Placed", "laid_out_like", "new_accelerator", "place", "shards", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A model with its adapter and optimiser, where they are trained.

    Attributes:
        model: A PEFT model.
        wrapper: What calls it in training, and holds its gradients back.
        optimizer: Of the adapter's weights.
        parameters: These weights by name; sharded, each process has a part of each.
        accelerator: Runs the training.
    """

    model: Any
    wrapper: Any
    optimizer: Any
    parameters: dict[str, torch.nn.Parameter]
    accelerator: Any

    @property
    def is_sharded(self) -> bool:
        """Whether a forward pass takes all processes, in the same order."""
        return shards(self.accelerator)


def new_accelerator() -> Any:
    """Return what runs the training as it was launched.

    Raises:
        SettingsError: If it was launched to shard the model in a way that would train it
            wrongly, or would not shard it.
    """
    asked = _is_true("ACCELERATE_USE_FSDP")
    if asked:
        _refuse_other_sharding()
    if not is_one_of_many():
        return Accelerator(device_placement=False)
    plugin = None
    if asked:
        # Wrapped in one piece, the whole model would be gathered for each pass.
        policy = os.environ.get("FSDP_AUTO_WRAP_POLICY", "TRANSFORMER_BASED_WRAP")
        plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2, auto_wrap_policy=policy, cpu_ram_efficient_loading=False
        )
    accelerator = Accelerator(cpu=not torch.cuda.is_available(), fsdp_plugin=plugin)
    if asked and not shards(accelerator):
        raise SettingsError(
            "--use_fsdp: accelerate shards models over GPUs only; leave it out here"
        )
    return accelerator


def shards(accelerator: Any) -> bool:
    """Return whether models are trained in shards."""
    return bool(getattr(accelerator, "is_fsdp2", False))


def _refuse_other_sharding() -> None:
    if not is_one_of_many():
        raise SettingsError(
            "--use_fsdp divides a model among several processes, and this is one; leave it "
            "out, or give --num_processes"
        )
    if not (hasattr(Accelerator, "is_fsdp2") and _can_reshard()):
        raise SettingsError(
            "--use_fsdp needs later versions: pip install --upgrade accelerate torch"
        )
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise SettingsError("FSDP 1 is not supported; add --fsdp_version 2")
    if _is_true("FSDP_ACTIVATION_CHECKPOINTING"):
        # Its second computation would draw another dropout than its first.
        raise SettingsError(
            "--fsdp_activation_checkpointing is not supported; use diffbench's own "
            "--gradient-checkpointing"
        )
    if _is_true("FSDP_OFFLOAD_PARAMS"):
        raise SettingsError("--fsdp_offload_params is not supported; leave it out")


def _can_reshard() -> bool:
    from torch.distributed import fsdp

    return hasattr(getattr(fsdp, "FSDPModule", None), "set_reshard_after_forward")


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on", "y", "t")


def place(model: Any, settings: OptimiserSettings, accelerator: Any) -> Placed:
    """Bring a model with its adapter, and an optimiser for it, to where they are trained.

    Args:
        model: A PEFT model.
        settings: The optimiser's.
        accelerator: Decides where that is.
    """
    optimizer: Any = torch.optim.AdamW(
        list(_trained(model).values()),
        lr=settings.rate(model.config.get_text_config().hidden_size),
        betas=settings.betas,
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
    )
    if shards(accelerator):
        # PEFT's shell around a model has no weights, and the engine calls what is in it.
        wrapper, optimizer = accelerator.prepare(model.get_base_model(), optimizer)
        _settle(wrapper)
    else:
        wrapper, optimizer = accelerator.prepare(model, optimizer)
    return Placed(
        model=model,
        wrapper=wrapper,
        optimizer=optimizer,
        # Sharding puts new weights in the place of the old.
        parameters=_trained(model),
        accelerator=accelerator,
    )


def _trained(model: Any) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@torch.no_grad()
def _settle(sharded: Any) -> None:
    """Make a sharded model the same whatever kind of pass comes first."""
    # By default the last layers stay gathered after a pass without gradient, and would
    # then miss changes of their weights.
    sharded.set_reshard_after_forward(True)
    # The first pass makes the tensors that weights are gathered into. Those made in
    # inference mode could not be trained.
    sharded(input_ids=torch.zeros((1, 1), dtype=torch.int64, device=sharded.device))


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of which each process has a part; all of them have to ask for it."""
    mine: Any = tensor.detach()
    gathered: torch.Tensor = mine.full_tensor() if _is_part(mine) else mine
    return gathered


def laid_out_like(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a whole tensor on the device of another, or in shards as that one is."""
    part: Any = like
    moved = tensor.to(part.device)
    if not _is_part(part):
        return moved
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(moved, part.device_mesh, part.placements)


def _is_part(tensor: Any) -> bool:
    # Asked by name: torch is built without its distributed parts too.
    return hasattr(tensor, "full_tensor")
