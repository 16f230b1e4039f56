"""Exact scoring of the same requests: the prefix tree against lm-eval's `hf` model.

Run by `make benchmark`. Both see the requests that the plain harness sends for the demo
model. The best batch size of lm-eval is taken, results are compared, and a ratio of
seconds measured in this run is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from diffbench.environment import quiet_libraries, share_the_cores

TASKS = ("diffbench_numbers_1_100", "diffbench_fruits_common", "diffbench_dates_june")
BATCH_SIZES = (1, 16, 64, 256)
TOLERANCE_NATS = 1e-3


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure, check equality, print a row a task."""
    import numpy as np
    from lm_eval.models.huggingface import HFLM

    from diffbench.harness.lm import EngineLM
    from diffbench.harness.task import make_task
    from diffbench.models import parse_model
    from diffbench.models.load import LoadOptions, load_model
    from diffbench.suite import shipped_catalog

    demo = load_model(parse_model("demo"), LoadOptions(device="cpu"))
    ours = EngineLM(demo, protocol="exact-canonical")
    theirs = {
        size: HFLM(pretrained=demo.model, tokenizer=demo.tokenizer, batch_size=size)
        for size in BATCH_SIZES
    }
    print_row("task", "requests", "tree, s", "lm-eval, s", "batch", "ratio")
    for name in TASKS:
        task = make_task(shipped_catalog().tasks[name], protocol="exact-canonical")
        task.build_all_requests(
            limit=1, apply_chat_template=True, chat_template=ours.apply_chat_template
        )
        requests = task.instances
        ours.loglikelihood(requests)
        fast = _seconds(lambda requests=requests: ours.loglikelihood(requests))
        slow = {
            size: _seconds(
                lambda lm=lm, requests=requests: lm.loglikelihood(requests, True)
            )
            for size, lm in theirs.items()
        }
        best = min(slow, key=slow.__getitem__)
        tree = np.array([score for score, _ in ours.loglikelihood(requests)])
        plain = np.array([s for s, _ in theirs[best].loglikelihood(requests, True)])
        difference = float(np.max(np.abs(tree - plain)))
        if difference > TOLERANCE_NATS:
            sys.exit(f"{name}: the two differ by {difference} nats")
        ratio = f"{slow[best] / fast:.1f}"
        print_row(name, len(requests), f"{fast:.2f}", f"{slow[best]:.2f}", best, ratio)


def print_row(*cells: object) -> None:
    """Print one line of the table."""
    name, *rest = (str(cell) for cell in cells)
    sys.stdout.write(f"{name:28}" + "".join(f"{cell:>12}" for cell in rest) + "\n")


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        main()
