"""What all whole results are put together from, whoever measured them."""

from __future__ import annotations

from collections.abc import Sequence

from diffbench.results.biographies import BiographyResult
from diffbench.results.compute import family_aggregates, overall_aggregate
from diffbench.results.files import content_sha256
from diffbench.results.schema import (
    SCHEMA_VERSION,
    ModelInfo,
    RunInfo,
    RunResult,
    RunSettings,
    TaskResult,
)

__all__ = ["named_model", "sealed_result"]

_UNSEALED = "0" * 64


def sealed_result(
    *,
    run: RunInfo,
    model: ModelInfo,
    settings: RunSettings,
    tasks: Sequence[TaskResult],
    biographies: Sequence[BiographyResult] = (),
) -> RunResult:
    """Return a whole result: tasks averaged to families and overall, sealed by its hash."""
    families = family_aggregates(tasks)
    unsealed = RunResult(
        schema_version=SCHEMA_VERSION,
        run=run,
        model=model,
        settings=settings,
        tasks=list(tasks),
        families=families,
        overall=overall_aggregate(families),
        biographies=tuple(biographies),
        content_sha256=_UNSEALED,
    )
    sha256 = content_sha256(unsealed.model_dump(mode="json"))
    return unsealed.model_copy(update={"content_sha256": sha256})


def named_model(spec: str, name: str, *, synthetic: bool) -> ModelInfo:
    """Return a model of which nothing is known but its name."""
    return ModelInfo(
        spec=spec,
        id=name,
        revision=None,
        role="base",
        parent=None,
        adapter=None,
        parameters=None,
        dtype=None,
        architecture=None,
        weights_fingerprint=None,
        tokenizer_sha256=None,
        chat_template_sha256=None,
        synthetic=synthetic,
    )
