"""Every Eval Ever, the shared schema of EvalEval, version 0.3.0 (arXiv 2606.14516)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from diffbench.export.source import Source
from diffbench.metrics import METRICS, MetricDefinition
from diffbench.results import MetricEntry, ModelInfo, RunResult, TaskResult

__all__ = ["every_eval_ever"]

_SCHEMA = "0.3.0"


def every_eval_ever(result: RunResult, source: Source) -> str:
    """Return one JSON record with every value that has a better and a worse side.

    The schema knows only `lower_is_better`, so metrics that are best near a value stay
    out, as do those without a value. Its time is that of the run: the same result gives
    the same record.
    """
    run = result.run
    epoch = str(int(datetime.fromisoformat(run.created).timestamp()))
    record = {
        "schema_version": _SCHEMA,
        "evaluation_id": f"diffbench/{result.model.id}/{epoch}",
        "evaluation_timestamp": run.created,
        "retrieved_timestamp": epoch,
        "source_metadata": {
            "source_name": "DiffBench",
            "source_type": "evaluation_run",
            "source_organization_name": source.organization,
            "evaluator_relationship": source.relationship,
        },
        "eval_library": {
            "name": "diffbench",
            "version": run.diffbench,
            "additional_details": {
                **run.packages,
                "content_sha256": result.content_sha256,
            },
        },
        "model_info": _model(result.model),
        "evaluation_results": list(_results(result)),
    }
    return json.dumps(record, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _model(model: ModelInfo) -> dict[str, Any]:
    served = model.spec.startswith("api:")
    on_hub = model.revision is not None and model.adapter is None
    known = on_hub or model.spec == "demo"
    details = {
        "deployment_type": "externally_managed" if served else "self_deployed",
        "model_availability": "open_weights" if known and not served else "unknown",
        "spec": model.spec,
        "role": model.role,
        "synthetic": str(model.synthetic).lower(),
    }
    for name in ("revision", "dtype", "parent", "weights_fingerprint"):
        value = getattr(model, name)
        if value is not None:
            details[name] = str(value)
    return {"name": model.id, "id": model.id, "additional_details": details}


def _results(result: RunResult) -> Iterator[dict[str, Any]]:
    generation = _generation(result)
    for task in result.tasks:
        for metric in METRICS:
            entry = task.metrics[metric.name]
            if entry.value is not None and metric.direction in ("higher", "lower"):
                yield {
                    "evaluation_result_id": f"{task.name}:{metric.name}",
                    "evaluation_name": task.name,
                    "source_data": _source_data(task),
                    "evaluation_timestamp": result.run.created,
                    "metric_config": _metric(metric, task),
                    "score_details": _score(entry),
                    "generation_config": generation,
                }


def _source_data(task: TaskResult) -> dict[str, Any]:
    return {
        "dataset_name": task.name,
        "source_type": "other",
        "additional_details": {
            "title": task.title,
            "family": task.family,
            "split": task.split,
            "reference": task.reference,
            "version": task.version,
            "target_sha256": task.target.sha256,
            "prompts": str(len(task.prompts)),
            "outcomes": str(len(task.target.outcomes)),
        },
    }


def _metric(metric: MetricDefinition, task: TaskResult) -> dict[str, Any]:
    config: dict[str, Any] = {
        "evaluation_description": metric.meaning,
        "metric_id": f"diffbench.{metric.name}",
        "metric_name": metric.title,
        "metric_kind": metric.name,
        "metric_unit": metric.unit or "proportion",
        "metric_parameters": {"estimator": task.estimator},
        "lower_is_better": metric.direction == "lower",
        "additional_details": {"formula": metric.formula},
    }
    if metric.highest is not None:
        config |= {
            "score_type": "continuous",
            "min_score": metric.lowest,
            "max_score": metric.highest,
        }
    return config


def _score(entry: MetricEntry) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {}
    if entry.interval is not None:
        uncertainty["confidence_interval"] = {
            "lower": entry.interval.lo,
            "upper": entry.interval.hi,
            "confidence_level": min(entry.interval.level, 1.0),
            "method": entry.interval.method,
        }
    if entry.n is not None:
        uncertainty["num_samples"] = entry.n
    score: dict[str, Any] = {"score": entry.value}
    return score | ({"uncertainty": uncertainty} if uncertainty else {})


def _generation(result: RunResult) -> dict[str, Any]:
    settings = result.settings
    return {
        "generation_args": {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "top_k": settings.top_k,
            "max_tokens": max(1, settings.max_new_tokens),
            "execution_command": result.run.command,
        },
        "additional_details": {
            "min_p": str(settings.min_p),
            "seed": str(settings.seed),
            "replies": str(settings.samples),
            "answer_rule": settings.answer_rule,
            "protocol": settings.protocol,
        },
    }
