"""On a GPU: Llama-2-7B and -13B in shape, random weights, bf16, built on the device.

    python benchmarks/gpu.py                                   both shapes
    python benchmarks/gpu.py --shapes llama-30m --device cpu   a trial of the script itself

For each shape: seconds of the exact core evaluation, of 1,000 replies to a prompt, of a
tuning pass with the recipe `paper` by prefix trees and by the paper's loop over outcomes;
peak memory; and the share of the matrix units' limit, from 2 operations a weight and
token forward, and 4 more backward, of which the frozen weights' own gradients (2) are not
computed. Losses of the two tuning passes are compared. Then the demo model is tuned by
the recipe `demo` on the device and on the CPU, and the losses are compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from diffbench.environment import quiet_libraries, share_the_cores

SHAPES = ("llama-2-7b", "llama-2-13b")
CORE = ("diffbench_core",)
LOOP_TASKS = ("diffbench_numbers_1_100", "diffbench_fruits_common", "diffbench_dates_june")
DRAWN = ("diffbench_numbers_1_10", "diffbench_fruits_common")
REPLIES = 1000
# Dense bf16 operations a second, as the makers state them.
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
LOSS_TOLERANCE = 0.02
TUNED_TOLERANCE = 0.05


def main() -> None:
    """Run everything for each shape, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    _say(f"device: {_device_name(given.device)}")
    for shape in given.shapes.split(","):
        _measure_shape(shape, given.device)
    _compare_devices(given.device)


def _measure_shape(shape: str, device: str) -> None:
    from subjects import load_subject, tuning_subject

    from diffbench.harness.lm import EngineLM

    dtype = "bfloat16" if device != "cpu" else "float32"
    loaded = load_subject(shape, device, dtype)
    weights = loaded.model.num_parameters()
    _say(f"\n{shape}: {weights / 1e9:.2f} billion weights, {dtype}")
    lm = EngineLM(loaded)
    meter = _Meter(loaded.model, device, weights)
    exact = _exact_requests(lm)
    lm.loglikelihood(exact[:200], disable_tqdm=True)
    meter.run("exact core evaluation", 2, lambda: lm.loglikelihood(exact, True))
    for name in DRAWN:
        drawn = _drawn_requests(lm, name)
        lm.generate_until(drawn[:20], True)
        meter.run(f"1,000 replies, {name}", 2, partial(lm.generate_until, drawn, True))
    model, prompts = tuning_subject(loaded, CORE)
    few = [prompt for prompt in prompts if prompt.task in LOOP_TASKS]
    _tuning(meter, model, prompts, few)


def _tuning(meter: _Meter, model: Any, prompts: Any, few: Any) -> None:
    from tuning import loop_pass, tree_pass

    tree_pass(model, few[:1])
    meter.run("tuning pass, core, trees", 4, lambda: tree_pass(model, prompts))
    tree = meter.run("tuning pass, 3 tasks, trees", 4, lambda: tree_pass(model, few))
    loop = meter.run("tuning pass, 3 tasks, loop", 4, lambda: loop_pass(model, few))
    pairs = zip(tree["loss"], loop["loss"], strict=True)
    apart = max(abs(a - b) / b for a, b in pairs)
    if not apart <= LOSS_TOLERANCE:
        sys.exit(f"the two losses differ by {apart:.3f} of their value")
    _say(f"  losses of trees and loop agree within {apart:.1e} of their value")


class _Meter:
    """Times work, and counts the tokens that go through a model."""

    def __init__(self, model: Any, device: str, weights: int) -> None:
        self._device = device
        self._weights = weights
        self._tokens = 0
        self._peak = next(
            (peak for name, peak in PEAKS.items() if name in _device_name(device)), None
        )
        model.register_forward_pre_hook(self._count, with_kwargs=True)

    def run(self, name: str, operations: int, work: Callable[[], Any]) -> Any:
        """Do the work and print a line: seconds, memory, tokens, share of the limit."""
        import torch

        self._tokens = 0
        self._wait()
        if self._device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        result = work()
        self._wait()
        seconds = time.perf_counter() - start
        done = operations * self._weights * self._tokens / seconds
        share = "" if self._peak is None else f", {done / self._peak:.1%} of the limit"
        memory = ""
        if self._device != "cpu":
            memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
        _say(f"  {name}: {seconds:.2f} s, {self._tokens:,} tokens{memory}{share}")
        return result

    def _count(self, _module: Any, _arguments: Any, named: dict[str, Any]) -> None:
        self._tokens += named["input_ids"].numel()

    def _wait(self) -> None:
        import torch

        if self._device != "cpu":
            torch.cuda.synchronize()


def _exact_requests(lm: Any) -> list[Any]:
    from diffbench.harness.task import make_task
    from diffbench.suite import shipped_catalog

    requests = []
    for definition in shipped_catalog().select(CORE).tasks:
        task = make_task(definition)
        task.build_all_requests(
            apply_chat_template=True, chat_template=lm.apply_chat_template
        )
        requests += task.instances
    return requests


def _drawn_requests(lm: Any, name: str) -> list[Any]:
    from diffbench.harness.task import make_task
    from diffbench.suite import shipped_catalog

    definition = shipped_catalog().tasks[name].as_mode("sampled")
    task = make_task(definition, samples=REPLIES, max_new_tokens=16)
    task.build_all_requests(
        limit=1, apply_chat_template=True, chat_template=lm.apply_chat_template
    )
    return [task.instances[0]] * REPLIES


def _compare_devices(device: str) -> None:
    """Tune the demo model on the device and on the CPU, and compare the last losses."""
    from diffbench import TuneOptions, tune

    losses = {}
    for place in dict.fromkeys((device, "cpu")):
        with tempfile.TemporaryDirectory() as folder:
            options = TuneOptions(
                model="demo",
                recipe="demo",
                device=place,
                dtype="float32",
                evaluate=False,
                output=Path(folder) / "out",
            )
            record = tune(options).record
        losses[place] = record.curve[-1].loss
        _say(
            f"\ndemo, recipe demo, {place}: loss {losses[place]:.4f}, "
            f"{record.seconds:.0f} s"
        )
    apart = abs(losses[device] - losses["cpu"])
    if not apart <= TUNED_TOLERANCE:
        sys.exit(f"tuned on the two devices, the losses differ by {apart:.3f} nats")
    _say(f"the losses differ by {apart:.4f} nats, at most {TUNED_TOLERANCE} allowed")


def _device_name(device: str) -> str:
    import torch

    return "CPU" if device == "cpu" else str(torch.cuda.get_device_name(device))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    share_the_cores()
    with quiet_libraries(verbose=False):
        main()
