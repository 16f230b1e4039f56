"""Passes over the prompts: steps, early stop, checkpoints.

With several processes each computes a share of every step's loss; the sum of their
gradients is that of one process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from diffbench.errors import ModelError
from diffbench.tuning.checkpoint import Checkpoint, PassLoss, Progressed
from diffbench.tuning.examples import TrainingPrompt
from diffbench.tuning.guard import ReplyGuard
from diffbench.tuning.placement import Placed
from diffbench.tuning.recipe import Recipe
from diffbench.tuning.units import LossPath, LossUnit, loss_units

__all__ = ["StepReport", "Subject", "Training", "set_dropout"]

_SECONDS_BETWEEN_CHECKPOINTS = 300.0


class StepReport(Protocol):
    """Hears of every step."""

    def step(self, done: int, total: int, loss: float, optimum: float) -> None:
        """So many steps are done; mean loss and least possible loss of the last pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is trained, on what, and how.

    Attributes:
        placed: The model with its adapter, in training mode.
        prompts: The trained prompts.
        held_out: Prompts whose loss is watched, perhaps none.
        recipe: The settings.
        seed: Seed of the order of prompts, the guard's questions and dropout.
        path: How the loss is computed.
        max_tokens: Most tokens in one forward pass.
        guard: What keeps the rest of the model, if the recipe asks for it.
    """

    placed: Placed
    prompts: Sequence[TrainingPrompt]
    held_out: Sequence[TrainingPrompt]
    recipe: Recipe
    seed: int
    path: LossPath
    max_tokens: int
    guard: ReplyGuard | None = None

    @property
    def steps_a_pass(self) -> int:
        """Optimiser steps in one pass."""
        return math.ceil(len(self.prompts) / self.recipe.prompts_per_step)

    @property
    def optimum(self) -> float:
        """The least mean loss that any model can have, nats a prompt."""
        return math.fsum(prompt.optimum for prompt in self.prompts) / len(self.prompts)


class Training:
    """Trains until the recipe says that it is over.

    Args:
        subject: What is trained.
        checkpoint: Where an interrupted training goes on from; None keeps none.
        report: Hears of every step.
    """

    def __init__(
        self,
        subject: Subject,
        checkpoint: Checkpoint | None,
        report: StepReport,
    ) -> None:
        self._subject = subject
        self._placed = subject.placed
        self._accelerator = subject.placed.accelerator
        self._called = _Called(subject.placed.wrapper, subject.placed.model)
        self._checkpoint = checkpoint
        self._report = report
        self._best: dict[str, torch.Tensor] = {}
        self._so_far = Progressed()
        self._kept = self._began = time.monotonic()

    def run(self) -> Progressed:
        """Train, or go on with an interrupted training.

        Raises:
            ResultError: If the checkpoint is damaged or of another training.
        """
        if self._checkpoint is not None:
            found = self._checkpoint.load(self._placed, self._best)
            self._so_far = found or self._so_far
        self._began -= self._so_far.seconds
        while not self._is_over():
            self._step()
            if self._so_far.step % self._subject.steps_a_pass == 0:
                self._end_pass()
            self._say()
        if self._best:
            self._take_best()
        return self._so_far

    def _is_over(self) -> bool:
        so_far = self._so_far
        total = self._subject.recipe.passes * self._subject.steps_a_pass
        return so_far.stopped is not None or so_far.step >= total

    def _step(self) -> None:
        so_far, subject = self._so_far, self._subject
        optimizer = self._placed.optimizer
        chosen = self._chosen(so_far.step)
        rate = self._rate(so_far.step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        units = loss_units(chosen, subject.path, subject.max_tokens)
        loss = self._backward(units)
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {so_far.step + 1}: training has diverged; "
                "lower the recipe's learning rate"
            )
        penalty = 0.0
        if subject.guard is not None:
            rng = np.random.default_rng([subject.seed, 1, so_far.step])
            penalty = self._backward(subject.guard.units(rng))
        self._accelerator.clip_grad_norm_(
            list(self._placed.parameters.values()), subject.recipe.optimiser.clip
        )
        optimizer.step()
        so_far.step += 1
        so_far.loss_sum += loss * len(chosen)
        so_far.guard_sum += penalty

    def _backward(self, units: Sequence[LossUnit]) -> float:
        """Add the units' gradient, each process a share; return their summed loss."""
        rank, size = self._accelerator.process_index, self._accelerator.num_processes
        mine = range(rank, len(units), size)
        rounds = math.ceil(len(units) / size)
        total = torch.zeros((), device=self._called.device)
        for i in range(rounds):
            # Every process has to take part in every round, with nothing to add if need be.
            number, weight = (mine[i], 1.0) if i < len(mine) else (0, 0.0)
            last = i == rounds - 1
            with nullcontext() if last else self._accelerator.no_sync(self._placed.wrapper):
                self._seed_dropout(number)
                loss = weight * units[number].loss(self._called)
                # Gradients are averaged over processes, and a sum is wanted.
                self._accelerator.backward(loss * size)
            total += loss.detach()
        return float(self._accelerator.reduce(total, reduction="sum"))

    def _seed_dropout(self, unit: int) -> None:
        """Let a unit drop out the same, whichever process it falls to, and when resumed."""
        key = np.random.SeedSequence([self._subject.seed, 2, self._so_far.step, unit])
        torch.manual_seed(int(key.generate_state(1, np.uint64)[0]))

    def _chosen(self, step: int) -> list[TrainingPrompt]:
        subject = self._subject
        number, place = divmod(step, subject.steps_a_pass)
        order = np.random.default_rng([subject.seed, 0, number]).permutation(
            len(subject.prompts)
        )
        first = place * subject.recipe.prompts_per_step
        members = order[first : first + subject.recipe.prompts_per_step]
        return [subject.prompts[i] for i in members]

    def _rate(self, step: int) -> float:
        settings = self._subject.recipe.optimiser
        total = self._subject.recipe.passes * self._subject.steps_a_pass
        width = self._placed.model.config.get_text_config().hidden_size
        rate = settings.rate(width)
        warm = settings.warmup * total
        if step < warm:
            return rate * (step + 1) / (warm + 1)
        if settings.schedule == "constant":
            return rate
        return rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))

    def _say(self) -> None:
        """Report the mean loss of this pass so far, or of the last where this is young."""
        so_far, subject = self._so_far, self._subject
        seen = so_far.step % subject.steps_a_pass
        if so_far.curve and seen < subject.steps_a_pass / 4:
            shown = so_far.curve[-1].loss
        else:
            shown = so_far.loss_sum / (seen * subject.recipe.prompts_per_step)
        total = subject.recipe.passes * subject.steps_a_pass
        self._report.step(so_far.step, total, shown, subject.optimum)
        if seen and self._is_time_to_keep():
            self._keep()

    def _is_time_to_keep(self) -> bool:
        due = time.monotonic() - self._kept > _SECONDS_BETWEEN_CHECKPOINTS
        if not self._placed.is_sharded:
            return due
        # Their clocks differ, and all have to hand over their parts together.
        counted = torch.tensor(float(due), device=self._called.device)
        return float(self._accelerator.reduce(counted, reduction="sum")) > 0

    def _end_pass(self) -> None:
        so_far, subject = self._so_far, self._subject
        early = subject.recipe.early_stop
        held_out = self._held_out_loss() if subject.held_out else None
        loss = so_far.loss_sum / len(subject.prompts)
        penalty = so_far.guard_sum / subject.steps_a_pass
        so_far.curve.append(
            PassLoss(
                loss=loss,
                held_out=held_out,
                guard=penalty if subject.guard is not None else None,
            )
        )
        so_far.loss_sum = so_far.guard_sum = 0.0
        if early is not None and self._gamma_applies(loss):
            so_far.stopped = "gamma"
        if held_out is not None and early is not None and early.held_out_patience:
            self._watch(early.held_out_patience)
        self._keep()

    def _gamma_applies(self, loss: float) -> bool:
        early = self._subject.recipe.early_stop
        if early is None or early.gamma is None:
            return False
        families = {prompt.family for prompt in self._subject.prompts}
        if early.open_families is not None and not families <= set(early.open_families):
            return False
        return loss <= (1 + early.gamma) * self._subject.optimum

    def _watch(self, patience: int) -> None:
        """Keep the best pass, and stop when none has been better for some time."""
        so_far = self._so_far
        losses = [one.held_out for one in so_far.curve if one.held_out is not None]
        best = losses.index(min(losses))
        if best == len(losses) - 1:
            so_far.best_pass = best
            self._best = {
                name: parameter.detach().clone()
                for name, parameter in self._placed.parameters.items()
            }
        elif len(losses) - 1 - best >= patience:
            so_far.stopped = "held_out"

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        subject = self._subject
        units = loss_units(subject.held_out, subject.path, subject.max_tokens)
        set_dropout(self._placed.model, active=False)
        loss = math.fsum(float(unit.loss(self._called)) for unit in units)
        set_dropout(self._placed.model, active=True)
        return loss

    @torch.no_grad()
    def _take_best(self) -> None:
        for name, parameter in self._placed.parameters.items():
            parameter.copy_(self._best[name])

    def _keep(self) -> None:
        self._so_far.seconds = time.monotonic() - self._began
        self._kept = time.monotonic()
        if self._checkpoint is not None:
            self._checkpoint.save(self._so_far, self._placed, self._best)


def set_dropout(model: Any, *, active: bool) -> None:
    """Let the adapter drop out, or not; the base model never does."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout) and "lora_dropout" in name:
            module.train(active)


class _Called:
    """A model that is called through its wrapper and otherwise is itself."""

    def __init__(self, wrapper: Callable[..., Any], model: Any) -> None:
        self._wrapper = wrapper
        self._model = model

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._wrapper(*arguments, **named)

    @property
    def device(self) -> torch.device:
        return torch.device(self._model.device)

    @property
    def dtype(self) -> Any:
        return self._model.dtype

    def get_base_model(self) -> Any:
        return self._model.get_base_model()
