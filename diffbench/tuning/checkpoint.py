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
        self,
        progressed: Progressed,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        best: dict[str, torch.Tensor],
    ) -> None:
        """Write the file whole or not at all."""
        tensors = {"rng": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["cuda_rng"] = torch.cuda.get_rng_state()
        for name, parameter in parameters.items():
            tensors[f"weight/{name}"] = parameter.detach()
            for moment in _MOMENTS:
                if moment in optimizer.state[parameter]:
                    tensors[f"{moment}/{name}"] = optimizer.state[parameter][moment]
        tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
        held = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        state = json.dumps(
            {"fingerprint": self._fingerprint, **asdict(progressed)}, allow_nan=False
        )
        write_atomic(self.path, save(held, metadata={"state": state}))

    def load(
        self,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        best: dict[str, torch.Tensor],
    ) -> Progressed | None:
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
            _restore(tensors, parameters, optimizer, best)
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
    tensors: dict[str, torch.Tensor],
    parameters: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    best: dict[str, torch.Tensor],
) -> None:
    for name, parameter in parameters.items():
        parameter.copy_(tensors[f"weight/{name}"])
        moments = {
            moment: tensors[f"{moment}/{name}"].to(
                # AdamW counts its steps on the CPU, wherever the weights are.
                "cpu" if moment == "step" else parameter.device
            )
            for moment in _MOMENTS
            if f"{moment}/{name}" in tensors
        }
        if moments:
            optimizer.state[parameter] = moments
        if f"best/{name}" in tensors:
            best[name] = tensors[f"best/{name}"]
    torch.set_rng_state(tensors["rng"])
    if "cuda_rng" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda_rng"])
