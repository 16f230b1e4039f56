"""One file that an interrupted training goes on from, to the same result.

safetensors rather than torch's own format: that one is a pickle, which could run code.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from diffbench.errors import ResultError
from diffbench.results.files import write_atomic
from diffbench.tuning.placement import Placed, laid_out_like, whole

__all__ = ["Checkpoint", "PassLoss", "Progressed"]

_NAME = "checkpoint.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLoss:
    """Mean losses of one pass over the prompts, nats a prompt.

    Attributes:
        loss: Of the trained prompts, each as it was when its step came.
        held_out: Of the held-out prompts after the pass, where that was asked for.
        guard: The guard's weighted penalty, where there is one.
    """

    loss: float
    held_out: float | None = None
    guard: float | None = None


@dataclass(slots=True, kw_only=True)
class Progressed:
    """How far a training is.

    Attributes:
        step: Steps taken.
        loss_sum: Loss of this pass so far, summed over its prompts.
        guard_sum: Penalty of this pass so far, summed over its steps.
        curve: The finished passes.
        best_pass: Pass of the lowest held-out loss; its weights are kept.
        stopped: Why training ended before its last pass.
        seconds: Time spent.
    """

    step: int = 0
    loss_sum: float = 0.0
    guard_sum: float = 0.0
    curve: list[PassLoss] = field(default_factory=list)
    best_pass: int | None = None
    stopped: str | None = None
    seconds: float = 0.0


class Checkpoint:
    """The file in a training's folder.

    Args:
        folder: The training's output folder.
        fingerprint: Hash of everything that decides the result.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / _NAME
        self._fingerprint = fingerprint

    def save(
        self, progressed: Progressed, placed: Placed, best: dict[str, torch.Tensor]
    ) -> None:
        """Write the file whole or not at all; every process has to call this."""
        if not (placed.is_sharded or placed.accelerator.is_main_process):
            return
        tensors: dict[str, torch.Tensor] = {}
        for name, parameter in placed.parameters.items():
            tensors[f"weight/{name}"] = parameter
            state = placed.optimizer.state[parameter]
            tensors |= {f"{m}/{name}": state[m] for m in _MOMENTS if m in state}
        tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
        held = {name: whole(tensor).cpu().contiguous() for name, tensor in tensors.items()}
        if not placed.accelerator.is_main_process:
            return
        state = json.dumps(
            {"fingerprint": self._fingerprint, **asdict(progressed)}, allow_nan=False
        )
        write_atomic(self.path, save(held, metadata={"state": state}))

    def load(self, placed: Placed, best: dict[str, torch.Tensor]) -> Progressed | None:
        """Put everything back as it was; None if there is no checkpoint.

        Raises:
            ResultError: If the file is damaged, or of another training.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                state = json.loads(file.metadata()["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}
            if state.pop("fingerprint") != self._fingerprint:
                raise ResultError(
                    f"{self.path} is of another training; give the same options as "
                    "before, or another --output"
                )
            progressed = _progressed(state)
            _restore(tensors, placed, best)
        except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
            raise ResultError(
                f"{self.path}: damaged ({type(error).__name__}); remove it and begin again"
            ) from None
        return progressed

    def remove(self) -> None:
        """Remove the file once the training is over."""
        self.path.unlink(missing_ok=True)


def _progressed(state: dict[str, Any]) -> Progressed:
    curve = [PassLoss(**one) for one in state.pop("curve")]
    return Progressed(curve=curve, **state)


@torch.no_grad()
def _restore(
    tensors: dict[str, torch.Tensor], placed: Placed, best: dict[str, torch.Tensor]
) -> None:
    for name, parameter in placed.parameters.items():
        parameter.copy_(laid_out_like(tensors[f"weight/{name}"], parameter))
        moments = {
            # AdamW counts its steps on the CPU, wherever the weights are.
            moment: tensors[key]
            if moment == "step"
            else laid_out_like(tensors[key], parameter)
            for moment in _MOMENTS
            if (key := f"{moment}/{name}") in tensors
        }
        if moments:
            placed.optimizer.state[parameter] = moments
        if f"best/{name}" in tensors:
            best[name] = laid_out_like(tensors[f"best/{name}"], parameter)
