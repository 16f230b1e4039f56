"""`model-index`, the older metadata in the README of a model on the Hugging Face hub."""

from __future__ import annotations

import yaml
from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index

from diffbench.export.source import Source
from diffbench.metrics import METRICS_BY_NAME
from diffbench.results import RunResult

__all__ = ["model_index"]

_SHOWN = ("overlap", "overlap_valid", "valid_mass")


def model_index(result: RunResult, source: Source) -> str:
    """Return YAML to put between the `---` lines of a model card."""
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Text Generation",
            dataset_type="diffbench",
            dataset_name=f"DiffBench: {task.title}",
            dataset_config=task.name,
            dataset_revision=task.version,
            metric_type=name,
            metric_name=METRICS_BY_NAME[name].title,
            metric_value=task.metrics[name].value,
            metric_args={"estimator": task.estimator},
            source_name=None if source.url is None else "DiffBench",
            source_url=source.url,
        )
        for task in result.tasks
        for name in _SHOWN
        if task.metrics[name].value is not None
    ]
    index = eval_results_to_model_index(result.model.id, results)
    text = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=False)
    return str(text)
