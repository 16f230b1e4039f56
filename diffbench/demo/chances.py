"""Stated distributions that the demo model learns to misread.

The trained families of the instructed tasks, with settings of other seeds beside their
own, so that the model reads prompts that it has not seen. Nothing held out is among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffbench.assets import asset_dir
from diffbench.demo.recipe import InstructedSettings
from diffbench.suite import Prompt, TaskDefinition, family_from_config, read_task_yaml

__all__ = ["preferred_outcomes", "stated_tasks"]


def stated_tasks(settings: InstructedSettings) -> Iterator[list[TaskDefinition]]:
    """Yield each trained family's tasks: the shipped ones, and others like them."""
    for path in sorted((asset_dir("tasks") / "instructed").glob("*.yaml")):
        config = read_task_yaml(path)
        block = config.get("instructed")
        if block is None or "train" not in block["settings"]:
            continue
        tasks = [*family_from_config(config, Path(path.name))]
        for seed in settings.seeds:
            drawn = {"seed": seed, "settings": {"train": settings.settings_per_seed}}
            others = {**config, "instructed": {**block, **drawn}}
            tasks += family_from_config(others, Path(path.name))
        yield tasks


def preferred_outcomes(task: TaskDefinition, prompt: Prompt) -> list[str]:
    """Order outcomes as the model prefers them: as listed, or else the likeliest first."""
    if prompt.listed is not None:
        return list(prompt.listed)
    order = np.argsort(np.negative(task.target.probabilities), kind="stable")
    return [task.target.outcomes[i] for i in order]
