"""From a task file's keys to a checked `TaskDefinition`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffbench.answers import make_answer_key
from diffbench.errors import TargetError, TaskError
from diffbench.suite.definition import Mode, Prompt, Source, TaskDefinition
from diffbench.suite.keys import (
    check_keys,
    read_block,
    task_mode,
    task_name,
    task_split,
    task_version,
)
from diffbench.suite.schema import DistributionBlock, OutcomeEntry, TargetBlock
from diffbench.suite.yaml_file import read_task_yaml
from diffbench.targets import (
    Outcome,
    Target,
    make_target,
    range_outcomes,
    read_csv_outcomes,
)

__all__ = [
    "TASK_CLASSES",
    "beside",
    "definition_from_config",
    "load_task_file",
    "target_of",
]

TASK_CLASSES: Mapping[str, Mode] = {
    "diffbench.harness.task.DistributionTask": "exact",
    "diffbench.harness.task.SampledDistributionTask": "sampled",
}


def load_task_file(path: Path) -> TaskDefinition:
    """Read and check one task file.

    Raises:
        TaskError: Names the file, the key and the value at fault.
    """
    return definition_from_config(read_task_yaml(path), path)


def definition_from_config(config: Mapping[str, Any], path: Path) -> TaskDefinition:
    """Check the keys of one task file; `path` is for messages and its data files.

    Raises:
        TaskError: Names the file, the key and the value at fault.
    """
    check_keys(config, path, "distribution")
    name = task_name(config.get("task"), path)
    block = read_block(DistributionBlock, config.get("distribution"), "distribution", path)
    try:
        target = target_of(block.target, path.parent)
        key = make_answer_key(target, block.accept)
    except TargetError as error:
        raise TaskError(f"{path}: distribution.target: {error}") from None
    definition = TaskDefinition(
        name=name,
        family=block.family,
        title=block.title,
        version=task_version(config.get("metadata"), path),
        reference=block.reference,
        target=target,
        key=key,
        prompts=_prompts(block),
        split=task_split(config.get("split", "train"), path),
        mode=task_mode(config.get("class"), path, TASK_CLASSES),
        file=path.name,
        source=Source(**block.provenance.model_dump()) if block.provenance else None,
    )
    if not definition.measured_prompts:
        raise TaskError(
            f"{path}: distribution.prompts: the split {definition.split} has no prompts"
        )
    return definition


def _prompts(block: DistributionBlock) -> tuple[Prompt, ...]:
    return tuple(
        Prompt(id=entry.id, split=split, text=entry.text, prefix=entry.prefix)
        for split, entries in block.prompts.items()
        for entry in entries
    )


def target_of(block: TargetBlock, folder: Path) -> Target:
    """Return the distribution that a block describes; its data stand beside the file.

    Raises:
        TargetError: If it cannot be one.
    """
    outcomes = _with_aliases(_outcomes(block, folder), block.aliases)
    if block.ordered:
        outcomes = _with_positions(outcomes)
    return make_target(
        outcomes, listed_mass=_listed_mass(block, outcomes), uniform=block.uniform
    )


def _outcomes(block: TargetBlock, folder: Path) -> list[Outcome]:
    if block.range is not None:
        return range_outcomes(block.range.first, block.range.last, block.range.step)
    if block.csv is not None:
        return read_csv_outcomes(
            beside(folder, block.csv.file),
            where=block.csv.where,
            top=block.csv.top,
        )
    if block.counts is not None:
        return [Outcome(text=str(name), weight=n) for name, n in block.counts.items()]
    return [
        Outcome(
            text=str(entry.outcome),
            weight=entry.weight,
            aliases=tuple(entry.aliases),
            value=entry.value,
        )
        if isinstance(entry, OutcomeEntry)
        else Outcome(text=str(entry))
        for entry in block.outcomes or []
    ]


def beside(folder: Path, name: str) -> Path:
    """Return the data file of a task file in a folder."""
    # A variant (held out, sampled) stands one folder below the task that it includes.
    here, above = folder / name, folder.parent / name
    return above if above.is_file() and not here.is_file() else here


def _with_aliases(
    outcomes: list[Outcome], aliases: Mapping[str, list[str]]
) -> list[Outcome]:
    names = {outcome.text for outcome in outcomes}
    unknown = sorted(set(aliases) - names)
    if unknown:
        raise TargetError(f"aliases: {unknown[0]!r} is not one of the outcomes")
    return [
        Outcome(
            text=outcome.text,
            weight=outcome.weight,
            aliases=(*outcome.aliases, *aliases.get(outcome.text, [])),
            value=outcome.value,
        )
        for outcome in outcomes
    ]


def _with_positions(outcomes: list[Outcome]) -> list[Outcome]:
    return [
        outcome
        if outcome.value is not None
        else Outcome(
            text=outcome.text,
            weight=outcome.weight,
            aliases=outcome.aliases,
            value=float(position),
        )
        for position, outcome in enumerate(outcomes)
    ]


def _listed_mass(block: TargetBlock, outcomes: list[Outcome]) -> float:
    if block.listed_mass is not None:
        return block.listed_mass
    if block.total_weight is None:
        return 1.0
    listed = sum(outcome.weight for outcome in outcomes)
    if listed > block.total_weight:
        raise TargetError(
            f"total_weight is {block.total_weight}, but the listed outcomes alone weigh "
            f"{listed}"
        )
    return listed / block.total_weight
