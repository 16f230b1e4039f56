"""1,000 replies to one prompt: counts over prefixes against lm-eval's `hf` repeats.

Run by `make benchmark`. Both draw from the demo model at temperature 1; the shares of
each outcome are compared within sampling error, and a ratio of seconds is printed.
"""

from __future__ import annotations

import sys
import time

from diffbench.environment import quiet_libraries, share_the_cores

TASKS = ("diffbench_numbers_1_10", "diffbench_fruits_common")
REPLIES = 1000
BATCH_SIZE = 250
MAX_NEW_TOKENS = 16
ERRORS = 6.0


def main() -> None:
    """Measure, check agreement, print a row a task."""
    import numpy as np
    from lm_eval.models.huggingface import HFLM

    from diffbench.harness.lm import EngineLM
    from diffbench.harness.measure import sampled_prompt
    from diffbench.harness.task import make_task
    from diffbench.models import parse_model
    from diffbench.models.load import LoadOptions, load_model
    from diffbench.suite import shipped_catalog

    demo = load_model(parse_model("demo"), LoadOptions(device="cpu"))
    ours = EngineLM(demo)
    theirs = HFLM(pretrained=demo.model, tokenizer=demo.tokenizer, batch_size=BATCH_SIZE)
    sys.stdout.write(f"{'task':28}{'tree, s':>12}{'lm-eval, s':>12}{'ratio':>12}\n")
    for name in TASKS:
        definition = shipped_catalog().tasks[name].as_mode("sampled")
        task = make_task(definition, samples=REPLIES, max_new_tokens=MAX_NEW_TOKENS)
        task.build_all_requests(
            limit=1, apply_chat_template=True, chat_template=ours.apply_chat_template
        )
        requests = [task.instances[0]] * REPLIES
        seconds, shares = [], []
        for lm in (ours, theirs):
            start = time.perf_counter()
            replies = lm.generate_until(requests, True)
            seconds.append(time.perf_counter() - start)
            counts = sampled_prompt(definition, "p", replies).counts
            shares.append(np.array(counts) / REPLIES)
        error = ERRORS * np.sqrt(2 * np.maximum(shares[0], 1 / REPLIES) / REPLIES)
        if np.any(np.abs(shares[0] - shares[1]) > error):
            sys.exit(f"{name}: the two samples do not agree")
        ratio = seconds[1] / seconds[0]
        sys.stdout.write(f"{name:28}{seconds[0]:12.2f}{seconds[1]:12.2f}{ratio:12.1f}\n")


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        main()
