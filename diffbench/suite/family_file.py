"""From a file that names a family of instructed targets and a seed to its tasks.

To lm-evaluation-harness the file is one task, whose value is the mean over the prompts of
all targets. To DiffBench it is a group: each target is a task of its own.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from diffbench.answers import make_answer_key
from diffbench.errors import TargetError, TaskError, printable
from diffbench.instructed import InstructedFamily, Setting, Telling
from diffbench.suite.definition import Mode, Prompt, Split, TaskDefinition
from diffbench.suite.keys import (
    check_keys,
    read_block,
    task_mode,
    task_name,
    task_split,
    task_version,
)
from diffbench.suite.schema import InstructedBlock, PromptEntry
from diffbench.targets import make_target

__all__ = ["FAMILY_CLASSES", "family_from_config", "is_family"]

FAMILY_CLASSES: Mapping[str, Mode] = {
    "diffbench.harness.instructed.InstructedTask": "exact",
    "diffbench.harness.instructed.SampledInstructedTask": "sampled",
}

_SUFFIX = re.compile(r"(_heldout)?(_sampled)?$")


def is_family(config: Mapping[str, Any]) -> bool:
    """Return whether a file names a family of instructed targets."""
    return "instructed" in config


def family_from_config(config: Mapping[str, Any], path: Path) -> tuple[TaskDefinition, ...]:
    """Draw the targets of a file and return a task for each.

    Trained settings are numbered, held-out ones lettered: `…_coin_1`, `…_coin_a_heldout`.

    Raises:
        TaskError: Names the file, the key and the value at fault.
    """
    check_keys(config, path, "instructed")
    name = task_name(config.get("task"), path)
    block = read_block(InstructedBlock, config.get("instructed"), "instructed", path)
    split = task_split(config.get("split", "train"), path)
    mode = task_mode(config.get("class"), path, FAMILY_CLASSES)
    version = task_version(config.get("metadata"), path)
    entries = _entries(block, split)
    if split not in block.settings or not entries:
        raise TaskError(
            f"{path}: instructed: the split {split} has no settings or no prompts; list "
            "both, or write the other split"
        )
    try:
        settings = _settings(block.generator, block.seed, split, block.settings[split])
    except TargetError as error:
        raise TaskError(f"{path}: instructed.settings.{split}: {error}") from None
    definitions = []
    for i, setting in enumerate(settings):
        target = make_target(setting.outcomes, listed_mass=setting.listed_mass)
        definitions.append(
            TaskDefinition(
                name=_member_name(name, i, split),
                family=block.family,
                title=setting.title,
                version=version,
                reference="theoretical",
                target=target,
                key=make_answer_key(target, block.accept),
                prompts=tuple(_prompts(entries, setting, split, path)),
                split=split,
                mode=mode,
                file=path.name,
            )
        )
    return tuple(definitions)


# Four files name the same family and seed: both splits, exact and sampled.
@lru_cache(maxsize=256)
def _settings(
    generator: InstructedFamily, seed: int, split: Split, n: int
) -> tuple[Setting, ...]:
    # Needs scipy, and is needed only where such a file is read.
    from diffbench.instructed.generate import generate_settings

    return generate_settings(generator, seed=seed, split=split, n=n)


def _entries(block: InstructedBlock, split: Split) -> list[PromptEntry]:
    """Held-out targets are asked for in the trained wordings too, and in new ones."""
    held_out = block.prompts.get("held_out", [])
    train = block.prompts.get("train", [])
    return train if split == "train" else [*train, *held_out]


def _member_name(name: str, i: int, split: Split) -> str:
    match = _SUFFIX.search(name)
    suffix = match[0] if match else ""
    stem = name.removesuffix(suffix)
    label = str(i + 1) if split == "train" else string.ascii_lowercase[i]
    return f"{stem}_{label}{suffix}"


def _prompts(
    entries: list[PromptEntry], setting: Setting, split: Split, path: Path
) -> Iterator[Prompt]:
    for entry in entries:
        for telling in setting.tellings:
            yield Prompt(
                id="-".join(part for part in (entry.id, telling.id) if part),
                split=split,
                text=_filled(entry, telling, path),
                prefix=entry.prefix,
                listed=telling.listed,
            )


def _filled(entry: PromptEntry, telling: Telling, path: Path) -> str:
    where = f"{path}: instructed.prompts: {entry.id}"
    try:
        text = string.Template(entry.text).substitute(telling.phrases)
    except KeyError as error:
        raise TaskError(
            f"{where}: there is no ${printable(error.args[0])} in this family; it has "
            f"{', '.join(f'${name}' for name in telling.phrases)}"
        ) from None
    except ValueError:
        raise TaskError(
            f"{where}: a $ stands before no name; write $$ for the sign itself"
        ) from None
    if text == entry.text:
        raise TaskError(
            f"{where}: the wording does not state the distribution; use one of "
            f"{', '.join(f'${name}' for name in telling.phrases)}"
        )
    return text
