"""From a model and a recipe to a folder with an adapter: the library behind `tune`."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from diffbench.compare import Comparison
from diffbench.errors import ModelError, ResultError, printable
from diffbench.models.spec import parse_model
from diffbench.processes import Processes, is_first
from diffbench.results import RunResult
from diffbench.tuning.adapter import set_training
from diffbench.tuning.card import write_card
from diffbench.tuning.checkpoint import Checkpoint
from diffbench.tuning.evaluation import Evaluated, evaluate
from diffbench.tuning.guard import ReplyGuard, greedy_replies
from diffbench.tuning.loop import Subject, Training
from diffbench.tuning.options import BASE_FOLDER, TuneOptions, TuneProgress
from diffbench.tuning.placement import whole
from diffbench.tuning.recipe import public_name, public_recipe
from diffbench.tuning.record import TuneRecord, load_record, write_record
from diffbench.tuning.retention import Probe, RetentionScore, guard_prompts, verdict
from diffbench.tuning.setup import Prepared, prepare
from diffbench.tuning.sources import Sources, read_sources
from diffbench.tuning.summary import summarise

__all__ = ["Tuned", "tune_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A finished tuning.

    Attributes:
        record: What `tune.json` holds.
        output: The adapter's folder.
        evaluated: Results before and after; None where that was not asked for.
    """

    record: TuneRecord
    output: Path
    evaluated: Evaluated | None

    @property
    def comparison(self) -> Comparison | None:
        """What changed."""
        return None if self.evaluated is None else self.evaluated.comparison

    @property
    def base(self) -> RunResult | None:
        """The results of the untuned model."""
        return None if self.evaluated is None else self.evaluated.base


def tune_model(
    options: TuneOptions, progress: TuneProgress, *, base: Path | None = None
) -> Tuned:
    """Train an adapter, probe what should not change, and measure before and after.

    Args:
        options: Model, recipe and settings.
        progress: Hears what is going on.
        base: Folder for the untuned model's results, which several tunings may share; by
            default one beside the adapter.

    An interrupted tuning leaves a checkpoint in its folder, and `resume` goes on from
    there to the same adapter.

    Raises:
        DiffBenchError: If the model, the recipe or a task cannot be used, or the output
            folder is taken.
    """
    sources = read_sources(options.recipe, options.tasks)
    processes = Processes()
    output = processes.first(lambda: options.output or _new_folder(options))
    processes.first(lambda: _refuse_taken(output, options))
    record = processes.first(lambda: _finished(output, options, sources))
    if record is None:
        record = _train(options, sources, output, progress)
    evaluated = None
    if options.evaluate:
        base = base or output / BASE_FOLDER
        evaluated = evaluate(options, sources, (base, output), progress)
    if is_first():
        write_card(output, record, evaluated)
    return Tuned(record=record, output=output, evaluated=evaluated)


def _finished(output: Path, options: TuneOptions, sources: Sources) -> TuneRecord | None:
    """Return the record of a training that was finished before an interruption.

    Raises:
        ResultError: If it is of another training.
    """
    record = load_record(output)
    if record is None:
        return None
    recipe = public_recipe(sources.recipe)
    asked = (parse_model(options.model).public, options.seed, recipe)
    if (record.base.spec, record.seed, record.recipe) != asked:
        raise ResultError(
            f"{printable(output)} holds an adapter of other settings; give the same "
            "options as before, or another --output"
        )
    wanted = None if options.retention is None else list(options.retention)
    if wanted is not None and wanted != record.retention_asked:
        raise ResultError(
            f"{printable(output)} holds an adapter that was made with another --retention; "
            "give the same as before, or another --output"
        )
    return record


def _refuse_taken(output: Path, options: TuneOptions) -> None:
    if options.resume or not output.exists():
        return
    if not output.is_dir() or any(output.iterdir()):
        raise ResultError(
            f"{printable(output)} is not empty; give another --output, or add --resume to "
            "go on with a tuning there"
        )


def _new_folder(options: TuneOptions) -> Path:
    stem = (
        f"tune-{parse_model(options.model).name}-{Path(public_name(options.recipe)).stem}"
    )
    name = "".join(c if c.isalnum() or c in "._+-" else "-" for c in stem)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{printable(name, 80)}-{stamp}"


def _train(
    options: TuneOptions, sources: Sources, output: Path, progress: TuneProgress
) -> TuneRecord:
    prepared = prepare(options, sources, progress)
    before = _probe(prepared, prepared.probes, "before", progress)
    guard_replies = _guard_replies(prepared, sources, progress)
    placed = prepared.placed
    guard = None
    if sources.recipe.guard is not None:
        guard = ReplyGuard(guard_replies, sources.recipe.guard, placed.model)
    subject = Subject(
        placed=placed,
        prompts=prepared.prompts,
        held_out=prepared.held_out,
        recipe=sources.recipe,
        seed=options.seed,
        path=prepared.path,
        max_tokens=options.max_tokens,
        guard=guard,
    )
    checkpoint = Checkpoint(output, prepared.fingerprint)
    set_training(placed.model, checkpointing=options.gradient_checkpointing)
    progress.training(
        len(prepared.prompts), sum(len(one.replies) for one in prepared.prompts), output
    )
    try:
        progressed = Training(subject, checkpoint, progress).run()
    except torch.OutOfMemoryError as error:
        raise ModelError(
            "training does not fit into the device's memory; try --gradient-checkpointing, "
            f"or a --max-tokens below {options.max_tokens}"
        ) from error
    _save(output, prepared)
    placed.model.eval()
    after = _probe(prepared, prepared.probes, "after", progress)
    verdicts = [verdict(*pair) for pair in zip(before, after, strict=True)]
    record = summarise(options, sources.recipe, prepared, progressed, verdicts, output)
    if is_first():
        write_record(output, record)
        checkpoint.remove()
    placed.accelerator.free_memory()
    del placed, subject, prepared, guard
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return record


def _probe(
    prepared: Prepared, probes: Sequence[Probe], when: str, progress: TuneProgress
) -> list[RetentionScore]:
    if probes:
        progress.stage(f"Probing what should not change, {when} training")
    return [score for probe in probes for score in probe(prepared.lm)]


def _guard_replies(
    prepared: Prepared, sources: Sources, progress: TuneProgress
) -> list[Any]:
    if sources.recipe.guard is None:
        return []
    progress.stage("Hearing the base model's replies to the plain questions")
    prompts = guard_prompts(prepared.lm)
    return greedy_replies(
        prepared.loaded.model, prompts, ends=[prepared.turn.end[-1], *prepared.lm.ends]
    )


def _save(output: Path, prepared: Prepared) -> None:
    """Write the adapter in PEFT's own format, with no path of this machine in it."""
    spec, placed = prepared.loaded.spec, prepared.placed
    state = {name: whole(one).cpu() for name, one in placed.parameters.items()}
    for config in placed.model.peft_config.values():
        config.base_model_name_or_path = spec.source if spec.kind == "hub" else spec.name
        config.revision = prepared.loaded.revision
    if not is_first():
        return
    output.mkdir(parents=True, exist_ok=True)
    # Saving the embeddings too is a question that PEFT would put to the hub.
    placed.model.save_pretrained(
        output, state_dict=state, safe_serialization=True, save_embedding_layers=False
    )
