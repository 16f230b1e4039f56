"""`.eval_results/*.yaml`, which the Hugging Face hub shows on a model's page."""

from __future__ import annotations

import yaml

from diffbench.errors import SettingsError
from diffbench.export.source import Source
from diffbench.metrics import PRIMARY_METRIC
from diffbench.results import RunResult

__all__ = ["hf_eval_results"]


def hf_eval_results(result: RunResult, source: Source) -> str:
    """Return YAML with the primary metric of each task, since an entry holds one value.

    Raises:
        SettingsError: If the source names no dataset: the hub takes only registered ones.
    """
    if source.dataset_id is None:
        raise SettingsError(
            "hf-eval-results needs --dataset-id, the hub dataset that is registered as "
            "this benchmark (OWNER/NAME)"
        )
    entries = []
    for task in result.tasks:
        entry = task.metrics[PRIMARY_METRIC]
        if entry.value is None:
            continue
        one = {
            "dataset": {"id": source.dataset_id, "task_id": task.name},
            "value": entry.value,
            "date": result.run.created,
            "notes": f"{PRIMARY_METRIC}, {task.estimator}, version {task.version}",
        }
        if source.url is not None:
            one["source"] = {"url": source.url, "name": "DiffBench"}
        entries.append(one)
    return str(yaml.safe_dump(entries, sort_keys=False, allow_unicode=False))
