"""Exact scoring of the core tasks: prefix trees against lm-eval's `hf` model.

    python benchmarks/exact_scoring.py

Both answer the requests that the plain harness sends for the first prompt of every core
task, on the demo model and on a random Llama of 30 million parameters. lm-eval gets the
batch size that it is fastest with. Results are compared; seconds, tokens that went through
the model, peak memory and their ratios are of this run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from side_by_side import Measured, print_row, run_job, serve_job

from diffbench.environment import quiet_libraries, share_the_cores

ALL = ("diffbench_core",)
FEW = ("diffbench_numbers_1_100", "diffbench_fruits_common", "diffbench_dates_june")
# Batch sizes are tried on few tasks, then all are scored with the fastest.
SUBJECTS = {"demo": ALL, "llama-30m": FEW}
BATCH_SIZES = (1, 16, 64, 256)
TOLERANCE_NATS = 1e-3


def main() -> None:
    """Measure each model both ways and print a row for it."""
    columns = ("requests", "tree, s", "lm-eval, s", "batch", "ratio", "tokens", "memory")
    print_row("model", *columns)
    for subject, tasks in SUBJECTS.items():
        _compare(subject, tasks)


def _compare(subject: str, tasks: tuple[str, ...]) -> None:
    tried = {size: _run(subject, FEW, "harness", size) for size in BATCH_SIZES}
    best = min(tried, key=lambda size: tried[size].seconds)
    plain = tried[best] if tasks == FEW else _run(subject, tasks, "harness", best)
    tree = _run(subject, tasks, "tree", best)
    pairs = zip(tree.result["scores"], plain.result["scores"], strict=True)
    difference = max(abs(a - b) for a, b in pairs)
    if not difference <= TOLERANCE_NATS:
        sys.exit(f"{subject}: the two differ by {difference} nats")
    print_row(
        subject,
        len(tree.result["scores"]),
        f"{tree.seconds:.2f}",
        f"{plain.seconds:.2f}",
        best,
        f"{plain.seconds / tree.seconds:.1f} x",
        f"{plain.result['tokens'] / tree.result['tokens']:.1f} x",
        f"{tree.mebibytes:.0f} / {plain.mebibytes:.0f} MiB",
    )


def _run(subject: str, tasks: tuple[str, ...], way: str, batch_size: int) -> Measured:
    job = {"subject": subject, "tasks": tasks, "way": way, "batch_size": batch_size}
    return run_job(__file__, job)


def prepare(job: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Load a model, build the requests, warm up, and return the scoring of them all."""
    from lm_eval.models.huggingface import HFLM
    from subjects import load_subject

    from diffbench.harness.lm import EngineLM
    from diffbench.harness.task import make_task
    from diffbench.suite import shipped_catalog

    loaded = load_subject(job["subject"], "cpu", "float32")
    ours = EngineLM(loaded, protocol="exact-canonical")
    theirs = HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=job["batch_size"],
    )
    lm = ours if job["way"] == "tree" else theirs
    requests = []
    for definition in shipped_catalog().select(tuple(job["tasks"])).tasks:
        task = make_task(definition, protocol="exact-canonical")
        task.build_all_requests(
            limit=1, apply_chat_template=True, chat_template=ours.apply_chat_template
        )
        requests += task.instances
    lm.loglikelihood(requests[:50], disable_tqdm=True)
    return lambda: _score(lm, loaded.model, requests)


def _score(lm: Any, model: Any, requests: list[Any]) -> dict[str, Any]:
    tokens = 0

    def count(_module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        nonlocal tokens
        ids = named["input_ids"] if "input_ids" in named else arguments[0]
        tokens += ids.numel()

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    scores = [score for score, _ in lm.loglikelihood(requests, disable_tqdm=True)]
    hook.remove()
    return {"scores": scores, "tokens": tokens}


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        if not serve_job(prepare):
            main()
