"""Runs made for the board's tests: several models, tuned versions, hostile names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from diffbench.results import RunResult, TaskResult, write_results
from diffbench.suite import Prompt
from diffbench.targets import Outcome, make_target
from diffbench.tuning.recipe import read_recipe
from diffbench.tuning.record import (
    BaseModelInfo,
    RetentionVerdict,
    TrainedPrompt,
    TuneRecord,
)
from tests.results.factory import content_of, exact_task, make_run_of, seal

__all__ = [
    "CORE",
    "HOSTILE",
    "alter",
    "base_run",
    "put",
    "record_of",
    "task_name",
    "tasks_of",
    "tuned_run",
    "write_board",
]

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    '<img src=x onerror="window.hacked = 1">',
    "=cmd|' /C calc'!A0",
    "javascript:window.hacked=1",
    "a<b>bold</b>&amp;{{ 7 * 7 }}",
    "..\\..\\evil/../../up",
    "\u202egnp.exe\u2066 model",
    "x" * 300,
)
_Families: TypeAlias = Sequence[tuple[str, int]]
_TASKS = {
    "numbers": "numbers_1_10",
    "fruits": "fruits_common",
    "names": "names_uniform",
    "instructed_coin": "instructed_coin_1",
    "instructed_die": "instructed_die_1",
}
CORE: _Families = (("numbers", 10), ("fruits", 24), ("names", 40))


def task_name(family: str, split: str = "train") -> str:
    """The name of a family's made-up task: a shipped one for shipped families."""
    name = _TASKS.get(family, family)
    if split == "train":
        return f"diffbench_{name}"
    # Held-out targets of the instructed families have letters.
    name = f"{family}_a" if family.startswith("instructed_") else name
    return f"diffbench_{name}_heldout"


def tasks_of(
    concentration: float, seed: int = 0, n_prompts: int = 2, families: _Families = CORE
) -> list[TaskResult]:
    """Tasks of some families, trained and held out, drawn from a model of one sharpness.

    Args:
        concentration: Dirichlet parameter: small is collapsed, large is even.
        seed: Of the distributions.
        n_prompts: Wordings a task.
        families: Their names, and the number of outcomes.
    """
    rng = np.random.default_rng(seed)
    found = []
    for family, size in families:
        target = make_target([Outcome(text=f"{family}-{i}") for i in range(size)])
        for split in ("train", "held_out"):
            rows = rng.dirichlet(np.full(size, concentration), size=n_prompts) * 0.97
            prompts = tuple(
                Prompt(id=f"p{i}", split=split, text=f"Say one of the {family}, {i}.")
                for i in range(n_prompts)
            )
            fields: dict[str, Any] = {
                "name": task_name(family, split),
                "title": f"One of the {family}",
                "family": family,
                "split": split,
                "prompts": prompts,
            }
            found.append(exact_task(*rows.tolist(), target=target, **fields))
    return found


def alter(run: RunResult, **model: Any) -> RunResult:
    """The same run of another model, sealed."""
    content = content_of(run)
    content["model"] |= model
    whole = content_of(RunResult.model_validate(content))
    return RunResult.model_validate(seal(whole))


def base_run(
    name: str,
    concentration: float = 0.1,
    seed: int = 0,
    *,
    families: _Families = CORE,
    **model: Any,
) -> RunResult:
    """A base model's run."""
    run = make_run_of(*tasks_of(concentration, seed, families=families))
    return alter(run, id=name, spec=f"hf:{name}", synthetic=True, **model)


def tuned_run(
    base: str,
    adapter: str,
    concentration: float = 3.0,
    seed: int = 1,
    *,
    families: _Families = CORE,
    **model: Any,
) -> RunResult:
    """A run of a tuned model."""
    run = make_run_of(*tasks_of(concentration, seed, families=families))
    info = {"sha256": f"{seed:064x}", "name": adapter, "rank": 8, "recipe": adapter}
    return alter(
        run,
        id=f"{base}+{adapter}",
        spec=f"hf:{base}",
        role="tuned",
        parent=base,
        adapter=info,
        **model,
    )


def record_of(
    adapter_sha256: str,
    *,
    recipe: str = "all",
    tasks: Sequence[str] = ("diffbench_numbers_1_10",),
    retention: Sequence[RetentionVerdict] = (),
) -> TuneRecord:
    """The tuning record of an adapter."""
    return TuneRecord(
        fingerprint="f",
        command=f"diffbench tune --model a/one --recipe {recipe}",
        created="2026-01-01T00:00:00+00:00",
        diffbench="0.1.0",
        git=None,
        packages={},
        hardware="cpu",
        processes=1,
        base=BaseModelInfo(
            spec="hf:a/one", id="a/one", revision=None, weights_fingerprint=None,
            architecture="LlamaForCausalLM", hidden_size=8, parameters=100,
            dtype="float32", licence=None, synthetic=True,
        ),
        recipe_name=recipe,
        recipe=read_recipe("all"),
        seed=0,
        learning_rate=1e-3,
        max_tokens=64,
        gradient_checkpointing=False,
        trained_parameters=10,
        reply_lead="",
        reply_end=[1],
        loss_path="packed",
        prompts=[
            TrainedPrompt(
                task=task, prompt="p0", prompt_sha256="0" * 64,
                target_sha256="0" * 64, outcomes=10, entropy=2.3,
            )
            for task in tasks
        ],
        data_sha256="0" * 64,
        optimum=2.3,
        curve=[],
        steps=10,
        stopped=None,
        best_pass=None,
        seconds=1.0,
        adapter_sha256=adapter_sha256,
        retention=list(retention),
    )  # fmt: skip


def put(folder: Path, runs: Sequence[RunResult]) -> Path:
    """Write each run into a folder of its own."""
    for number, run in enumerate(runs):
        write_results(folder / f"run-{number:03}", run)
    return folder


def write_board(folder: Path) -> Path:
    """Three base models and their tuned versions; one name of each kind is hostile."""
    runs = [
        base_run("acme/chat-7b", 0.05, 0, parameters=7_000_000_000),
        tuned_run("acme/chat-7b", "all", 4.0, 1, parameters=7_000_000_000),
        tuned_run("acme/chat-7b", "leave-one-out/fruits", 1.0, 2, parameters=7_000_000_000),
        tuned_run("acme/chat-7b", "leave-one-out/names", 0.8, 3, parameters=7_000_000_000),
        base_run("tiny/talk-1m", 0.2, 4, parameters=1_000_000),
        tuned_run("tiny/talk-1m", "worse", 0.03, 5, parameters=1_000_000),
        *(base_run(name, 0.3, 10 + i) for i, name in enumerate(HOSTILE)),
        tuned_run("nobody/measured-this", "all", 2.0, 30),
    ]
    return put(folder, runs)
