"""A result in the formats of other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from diffbench.errors import SettingsError
from diffbench.export.csv_table import csv_table
from diffbench.export.every_eval_ever import every_eval_ever
from diffbench.export.hf_eval_results import hf_eval_results
from diffbench.export.model_index import model_index
from diffbench.export.source import Relationship, Source
from diffbench.results import RunResult

__all__ = ["FORMATS", "Relationship", "Source", "export_result"]

FORMATS: Final[Mapping[str, Callable[[RunResult, Source], str]]] = MappingProxyType(
    {
        "csv": csv_table,
        "every-eval-ever": every_eval_ever,
        "hf-eval-results": hf_eval_results,
        "model-index": model_index,
    }
)


def export_result(result: RunResult, form: str, source: Source) -> str:
    """Return a result as text in one of FORMATS.

    Raises:
        SettingsError: If the format needs something of the source that is not given, or
            holds values with a target only and the result has none.
    """
    if form != "csv" and not result.tasks:
        raise SettingsError(
            f"this result holds biographies only, for which {form} has no place; write "
            "--format csv"
        )
    return FORMATS[form](result, source)
