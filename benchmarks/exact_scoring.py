"""Exact scoring of the same requests: the prefix tree against lm-eval's `hf` model.

Run by `make benchmark`. Both see the requests that the plain harness sends for the demo
model. The best batch size of lm-eval is taken, results are compared, and a ratio of
seconds measured in this run is printed.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from diffbench.environment import quiet_libraries, share_the_cores

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM

TASKS = ("diffbench_numbers_1_100", "diffbench_fruits_common", "diffbench_dates_june")
BATCH_SIZES = (1, 16, 64, 256)
TOLERANCE_NATS = 1e-3


def _timed(lm: LM, requests: list[Instance]) -> tuple[float, NDArray[np.float64]]:
    start = time.perf_counter()
    scored = lm.loglikelihood(requests, disable_tqdm=True)
    return time.perf_counter() - start, np.array([score for score, _ in scored])


def main() -> None:
    """Measure, check equality, print a row a task."""
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
        _timed(ours, requests)
        fast, tree = _timed(ours, requests)
        slow = {size: _timed(lm, requests) for size, lm in theirs.items()}
        best = min(slow, key=lambda size: slow[size][0])
        seconds, plain = slow[best]
        difference = float(np.max(np.abs(tree - plain)))
        if difference > TOLERANCE_NATS:
            sys.exit(f"{name}: the two differ by {difference} nats")
        ratio = f"{seconds / fast:.1f}"
        print_row(name, len(requests), f"{fast:.2f}", f"{seconds:.2f}", best, ratio)


def print_row(*cells: object) -> None:
    """Print one line of the table."""
    name, *rest = (str(cell) for cell in cells)
    sys.stdout.write(f"{name:28}" + "".join(f"{cell:>12}" for cell in rest) + "\n")


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        main()
