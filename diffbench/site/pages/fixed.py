"""The pages of which there is one: compare, methodology, downloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from diffbench.compare import DEFAULT_ALPHA, DEFAULT_MARGIN
from diffbench.metrics import METRICS, MetricDefinition
from diffbench.site.inputs import Inputs
from diffbench.site.page import Page
from diffbench.site.ranking import LEAST_PROMPTS, LEVEL, RESAMPLES, SAME
from diffbench.site.runs import Run

__all__ = ["compare_page", "downloads_page", "methodology_page"]

_BETTER = {
    "higher": "higher",
    "lower": "lower",
    "near_one": "near 1",
    "near_target": "near the target’s own",
    "none": "neither",
}


def compare_page(runs: Sequence[Run]) -> Page:
    """Return the page that puts any two runs side by side, by script."""
    ordered = sorted(runs, key=lambda run: (run.label.lower(), run.slug))
    return Page(
        path="compare.html",
        template="compare.html",
        here="compare.html",
        context={"runs": ordered},
    )


def methodology_page() -> Page:
    """Return the definitions, from the same table that the code computes by."""
    return Page(
        path="methodology.html",
        template="methodology.html",
        here="methodology.html",
        context={
            "definitions": METRICS,
            "better": _BETTER,
            "ranges": {metric.name: _range(metric) for metric in METRICS},
            "alpha": DEFAULT_ALPHA,
            "margin": DEFAULT_MARGIN,
            "level": LEVEL,
            "resamples": RESAMPLES,
            "least_prompts": LEAST_PROMPTS,
            "same": SAME,
        },
    )


def _range(metric: MetricDefinition) -> str:
    unit = f" {metric.unit}" if metric.unit else ""
    if metric.highest is None:
        return f"≥ {metric.lowest:g}{unit}"
    return f"{metric.lowest:g} … {metric.highest:.6g}{unit}"


def downloads_page(inputs: Inputs, runs: Sequence[Run], hashes: Mapping[str, str]) -> Page:
    """Return the list of files, with hashes, and of what was left out."""
    return Page(
        path="downloads.html",
        template="downloads.html",
        here="downloads.html",
        context={
            "tables": list(_tables(hashes)),
            "runs": runs,
            "refused": sorted(inputs.refused, key=lambda one: (one.name, one.reason)),
        },
    )


def _tables(hashes: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield path, what it is, and its hash; the manifest cannot hold its own."""
    for path, what in (
        ("data/runs.csv", "every metric of every task of every run, a row a task"),
        ("data/runs.json", "the same rows as JSON"),
    ):
        yield path, what, hashes[path]
    yield "manifest.json", "every input and every file of this site, with hashes", ""
