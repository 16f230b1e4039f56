"""One tuning pass: the prefix-tree loss against the paper's loop over outcomes.

    python benchmarks/tuning.py

Both compute loss and gradient of every prompt with respect to the same LoRA adapter
(rank 4 on the seven projections). The loop is Zhang et al.'s: batches of 32 outcomes,
padded at their ends, gradients accumulated over a prompt. Losses and gradients are
compared; seconds, peak memory and their ratios are of this run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from side_by_side import Measured, print_row, run_job, serve_job

from diffbench.environment import quiet_libraries, share_the_cores

ALL = ("diffbench_core",)
FEW = ("diffbench_numbers_1_100", "diffbench_fruits_common", "diffbench_dates_june")
SUBJECTS = {"demo": ALL, "llama-30m": FEW}
LOOP_BATCH = 32
MAX_TOKENS = 2048
# Of the largest loss of a prompt, and of the largest norm of a layer's gradient.
LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-3


def main() -> None:
    """Measure each model both ways and print a row for it."""
    print_row("model", "prompts", "tree, s", "loop, s", "ratio", "tokens", "memory")
    for subject, tasks in SUBJECTS.items():
        _compare(subject, tasks)


def _compare(subject: str, tasks: tuple[str, ...]) -> None:
    tree, loop = (_run(subject, tasks, way) for way in ("tree", "loop"))
    for name, allowed in (("loss", LOSS_TOLERANCE), ("gradient", GRADIENT_TOLERANCE)):
        ours, theirs = tree.result[name], loop.result[name]
        pairs = zip(ours, theirs, strict=True)
        apart = max(abs(a - b) for a, b in pairs) / max(theirs)
        if not apart <= allowed:
            sys.exit(f"{subject}: of their largest {name}, the two differ by {apart}")
    print_row(
        subject,
        len(tree.result["loss"]),
        f"{tree.seconds:.2f}",
        f"{loop.seconds:.2f}",
        f"{loop.seconds / tree.seconds:.1f} x",
        f"{loop.result['tokens'] / tree.result['tokens']:.1f} x",
        f"{tree.mebibytes:.0f} / {loop.mebibytes:.0f} MiB",
    )


def _run(subject: str, tasks: tuple[str, ...], way: str) -> Measured:
    return run_job(__file__, {"subject": subject, "tasks": tasks, "way": way})


def prepare(job: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Load a model with an adapter and the prompts, and return one pass over them."""
    from subjects import load_subject, tuning_subject

    loaded = load_subject(job["subject"], "cpu", "float32")
    model, prompts = tuning_subject(loaded, tuple(job["tasks"]))
    way = tree_pass if job["way"] == "tree" else loop_pass
    way(model, prompts[:1])
    return lambda: way(model, prompts)


def tree_pass(model: Any, prompts: Any) -> dict[str, Any]:
    """Return losses, tokens and the gradient's norms by layer, from prefix trees."""
    import torch

    from diffbench.tuning.units import loss_units

    def backward(prompt: Any) -> float:
        loss = 0.0
        for unit in loss_units([prompt], "packed", MAX_TOKENS):
            part = unit.loss(model)
            torch.autograd.backward(part)
            loss += float(part.detach())
        return loss

    return _pass(model, prompts, backward)


def loop_pass(model: Any, prompts: Any) -> dict[str, Any]:
    """Return the same from a row an outcome, as the paper's code computes it."""
    import torch

    def backward(prompt: Any) -> float:
        loss = 0.0
        for first in range(0, len(prompt.replies), LOOP_BATCH):
            replies = prompt.replies[first : first + LOOP_BATCH]
            weights = prompt.weights[first : first + LOOP_BATCH]
            longest = max(map(len, replies))
            rows = torch.tensor(
                [
                    [*prompt.tokens, *reply, *[0] * (longest - len(reply))]
                    for reply in replies
                ],
                device=model.device,
            )
            wanted = torch.full_like(rows, -100)
            for row, reply in enumerate(replies):
                start = len(prompt.tokens)
                wanted[row, start : start + len(reply)] = torch.tensor(reply)
            logits = model(input_ids=rows, use_cache=False).logits[:, :-1]
            each = torch.nn.functional.cross_entropy(
                logits.float().transpose(1, 2),
                wanted[:, 1:],
                ignore_index=-100,
                reduction="none",
            )
            part = (each.sum(1) * torch.tensor(weights, device=model.device)).sum()
            torch.autograd.backward(part)
            loss += float(part.detach())
        return loss

    return _pass(model, prompts, backward)


def _pass(model: Any, prompts: Any, backward: Callable[[Any], float]) -> dict[str, Any]:
    tokens = 0

    def count(_module: Any, _arguments: Any, named: dict[str, Any]) -> None:
        nonlocal tokens
        tokens += named["input_ids"].numel()

    model.zero_grad()
    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    losses = [backward(prompt) for prompt in prompts]
    hook.remove()
    gradient = [float(p.grad.norm()) for p in model.parameters() if p.grad is not None]
    return {"loss": losses, "gradient": gradient, "tokens": tokens}


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        if not serve_job(prepare):
            main()
