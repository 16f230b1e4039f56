"""What is written down of a finished training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from diffbench.errors import printable
from diffbench.models.load import adapter_sha256, is_synthetic
from diffbench.models.spec import parse_model
from diffbench.processes import Processes
from diffbench.results.provenance import checkout, hardware, package_versions
from diffbench.tuning.card import base_licence
from diffbench.tuning.checkpoint import Progressed
from diffbench.tuning.options import TuneOptions
from diffbench.tuning.recipe import Recipe, public_name, public_recipe
from diffbench.tuning.record import (
    BaseModelInfo,
    PassRecord,
    RetentionVerdict,
    TrainedPrompt,
    TuneRecord,
)
from diffbench.tuning.setup import Prepared, data_sha256
from diffbench.version import __version__

__all__ = ["summarise"]


def summarise(
    options: TuneOptions,
    recipe: Recipe,
    prepared: Prepared,
    progressed: Progressed,
    retention: Sequence[RetentionVerdict],
    output: Path,
) -> TuneRecord:
    """Put together what `tune.json` says; the adapter is in the output folder already."""
    processes, model = Processes(), prepared.loaded.model
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    width = int(model.config.get_text_config().hidden_size)
    how: dict[str, Any] = {
        "recipe_name": public_name(options.recipe),
        "recipe": public_recipe(recipe),
        "seed": options.seed,
        "learning_rate": recipe.optimiser.rate(width),
        "max_tokens": options.max_tokens,
        "gradient_checkpointing": options.gradient_checkpointing,
        "trained_parameters": trained,
        "reply_lead": prepared.turn.lead,
        "reply_end": list(prepared.turn.end),
        "loss_path": prepared.path,
    }
    return TuneRecord(
        **_provenance(options, prepared),
        **how,
        processes=processes.size,
        base=_base(prepared, width, model.num_parameters() - trained),
        prompts=[
            TrainedPrompt(
                task=one.task,
                prompt=one.prompt_id,
                prompt_sha256=one.prompt_sha256,
                target_sha256=one.target_sha256,
                outcomes=len(one.replies),
                entropy=one.optimum,
            )
            for one in prepared.prompts
        ],
        data_sha256=data_sha256(prepared.prompts),
        optimum=sum(one.optimum for one in prepared.prompts) / len(prepared.prompts),
        curve=[PassRecord(**asdict(one)) for one in progressed.curve],
        steps=progressed.step,
        stopped=progressed.stopped,
        best_pass=progressed.best_pass,
        seconds=round(progressed.seconds, 3),
        adapter_sha256=processes.first(lambda: adapter_sha256(output)),
        retention=list(retention),
        retention_asked=None if options.retention is None else list(options.retention),
    )


def _provenance(options: TuneOptions, prepared: Prepared) -> dict[str, Any]:
    return {
        "fingerprint": prepared.fingerprint,
        "command": _command(options),
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "diffbench": __version__,
        "git": checkout(),
        "packages": package_versions(),
        "hardware": hardware(str(prepared.loaded.model.device.type)),
    }


def _base(prepared: Prepared, width: int, parameters: int) -> BaseModelInfo:
    loaded = prepared.loaded
    return BaseModelInfo(
        spec=loaded.spec.public,
        id=loaded.spec.name,
        revision=loaded.revision,
        weights_fingerprint=loaded.weights_fingerprint,
        # A sharded model's class has a name of its own.
        architecture=type(loaded.model).__name__.removeprefix("FSDP"),
        hidden_size=width,
        parameters=parameters,
        dtype=str(loaded.model.dtype).removeprefix("torch."),
        licence=base_licence(loaded.spec, loaded.revision),
        synthetic=is_synthetic(loaded),
    )


def _command(options: TuneOptions) -> str:
    """Return the command that repeats the tuning, local files by their last name."""
    words = ["diffbench", "tune", "--model", parse_model(options.model).public]
    words += ["--recipe", public_name(options.recipe), "--seed", str(options.seed)]
    if options.tasks is not None:
        names = [name.rsplit("/", 1)[-1] for name in options.tasks]
        words += ["--tasks", ",".join(names)]
    if options.retention:
        words += ["--retention", ",".join(options.retention)]
    words += ["--dtype", options.dtype, "--max-tokens", str(options.max_tokens)]
    if options.gradient_checkpointing:
        words += ["--gradient-checkpointing"]
    return printable(" ".join(words), limit=1000)
