"""1,000 replies to one prompt: counts over prefixes against lm-eval's `hf` repeats.

    python benchmarks/sampling.py

Both draw from the demo model and from a random Llama of 30 million parameters at
temperature 1. lm-eval gets the batch size that it is fastest with. The two samples are
compared by a test of homogeneity; seconds, peak memory and their ratios are of this run.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from side_by_side import Measured, print_row, run_job, serve_job

from diffbench.environment import quiet_libraries, share_the_cores

TASKS = ("diffbench_numbers_1_10", "diffbench_fruits_common")
SUBJECTS = ("demo", "llama-30m")
REPLIES = 1000
MAX_NEW_TOKENS = 16
BATCH_SIZES = (64, 256, 1000)
# Kinds of reply are told apart by how they begin; rarer ones are put together.
BEGINNING = 4
LEAST_COUNT = 20
LEAST_P = 1e-6


def main() -> None:
    """Measure each model and task both ways and print a row for it."""
    print_row(
        "model, task", "tree, s", "lm-eval, s", "batch", "ratio", "distinct", "memory"
    )
    for subject in SUBJECTS:
        for task in TASKS:
            _compare(subject, task)


def _compare(subject: str, task: str) -> None:
    tried = {size: _run(subject, task, "harness", size) for size in BATCH_SIZES}
    best = min(tried, key=lambda size: tried[size].seconds)
    plain = tried[best]
    tree = _run(subject, task, "tree", best)
    p = _homogeneity(tree.result, plain.result)
    if not p > LEAST_P:
        sys.exit(f"{subject}, {task}: the two samples do not agree (p = {p:.2g})")
    print_row(
        f"{subject}, {task.removeprefix('diffbench_')}",
        f"{tree.seconds:.2f}",
        f"{plain.seconds:.2f}",
        best,
        f"{plain.seconds / tree.seconds:.1f} x",
        len(set(tree.result)),
        f"{tree.mebibytes:.0f} / {plain.mebibytes:.0f} MiB",
    )


def _homogeneity(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return the p-value of both samples coming from one distribution."""
    from scipy.stats import chi2_contingency

    counts = [Counter(reply[:BEGINNING] for reply in sample) for sample in (ours, theirs)]
    together = counts[0] + counts[1]
    kinds = [kind for kind, n in together.items() if n >= LEAST_COUNT]
    table = [[count[kind] for kind in kinds] for count in counts]
    for row, sample in zip(table, (ours, theirs), strict=True):
        row.append(len(sample) - sum(row))
    if table[0][-1] + table[1][-1] == 0:
        table = [row[:-1] for row in table]
    return float(chi2_contingency(table).pvalue) if len(table[0]) > 1 else 1.0


def _run(subject: str, task: str, way: str, batch_size: int) -> Measured:
    job = {"subject": subject, "task": task, "way": way, "batch_size": batch_size}
    return run_job(__file__, job)


def prepare(job: dict[str, Any]) -> Callable[[], list[str]]:
    """Load a model, build the requests, warm up, and return the drawing of them all."""
    import torch
    from lm_eval.models.huggingface import HFLM
    from subjects import load_subject

    from diffbench.harness.lm import EngineLM
    from diffbench.harness.task import make_task
    from diffbench.suite import shipped_catalog

    loaded = load_subject(job["subject"], "cpu", "float32")
    ours = EngineLM(loaded)
    theirs = HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=job["batch_size"],
    )
    lm = ours if job["way"] == "tree" else theirs
    definition = shipped_catalog().tasks[job["task"]].as_mode("sampled")
    task = make_task(definition, samples=REPLIES, max_new_tokens=MAX_NEW_TOKENS)
    task.build_all_requests(
        limit=1, apply_chat_template=True, chat_template=ours.apply_chat_template
    )
    requests = [task.instances[0]] * REPLIES
    lm.generate_until(requests[:20], disable_tqdm=True)
    torch.manual_seed(1)
    # The harness leaves what follows the brace; kinds are told apart by the beginning.
    return lambda: [str(reply) for reply in lm.generate_until(requests, True)]


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        if not serve_job(prepare):
            main()
