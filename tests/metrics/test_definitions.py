from __future__ import annotations

import math

from diffbench.metrics import (
    COVERAGE_DRAWS,
    METRICS,
    METRICS_BY_NAME,
    PRIMARY_METRIC,
)

NAMES = {
    "overlap",
    "overlap_valid",
    "valid_mass",
    "entropy",
    "entropy_ratio",
    "kl",
    "kl_reverse_valid",
    "js",
    "js_valid",
    "hellinger",
    "hellinger_valid",
    "coverage_100",
    "coverage_1000",
    "coverage_ratio_100",
    "coverage_ratio_1000",
    "effective_outcomes",
    "top_ratio",
    "wasserstein",
}


def test_the_names_are_the_schema() -> None:
    assert len(METRICS) == len(NAMES)
    assert {metric.name for metric in METRICS} == NAMES
    assert METRICS[0].name == PRIMARY_METRIC
    assert COVERAGE_DRAWS == (100, 1000)


def test_lookup_by_name_gives_the_same_metrics() -> None:
    assert tuple(METRICS_BY_NAME.values()) == METRICS
    assert all(name == metric.name for name, metric in METRICS_BY_NAME.items())


def test_each_is_fully_described_in_single_lines() -> None:
    for metric in METRICS:
        texts = (metric.title, metric.formula, metric.meaning, metric.reference)
        assert all(text.strip() == text != "" for text in texts), metric.name
        assert not any("\n" in text for text in texts), metric.name
        assert metric.meaning.endswith("."), metric.name
        assert 0 < len(metric.short) <= 16, metric.name


def test_headers_are_distinct() -> None:
    assert len({metric.short for metric in METRICS}) == len(METRICS)
    assert len({metric.title for metric in METRICS}) == len(METRICS)


def test_directions_fit_the_bounds() -> None:
    for metric in METRICS:
        assert metric.highest is None or metric.lowest < metric.highest
        if metric.direction == "lower":
            assert metric.lowest == 0.0, metric.name
        if metric.direction == "higher":
            assert metric.highest == 1.0, metric.name
        if metric.direction == "near_one":
            assert metric.highest is None or metric.highest > 1.0, metric.name
    assert METRICS_BY_NAME["js"].highest == math.log(2)
