from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffbench.metrics import (
    METRICS,
    MetricValue,
    TargetArrays,
    entropy,
    kl_reverse_valid,
    measure_counts,
    measure_probabilities,
    overlap,
)

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = GOLDEN["cases"]
PERFECT: dict[str, Any] = GOLDEN["perfect_sampler"]


def measure(case: dict[str, Any]) -> dict[str, MetricValue]:
    values = np.array(case["values"], dtype=float) if "values" in case else None
    target = TargetArrays(
        p=np.array(case["p"]),
        values=values,
        listed_mass=case.get("listed_mass", 1.0),
    )
    if "counts" in case:
        return measure_counts(target, case["counts"], case["n_invalid"])
    if "log_q" in case:
        return measure_probabilities(target, case["log_q"])
    with np.errstate(divide="ignore"):
        return measure_probabilities(target, np.log(case["q"]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden(case: dict[str, Any]) -> None:
    measured = measure(case)
    tolerance = GOLDEN["tolerance"]
    for name, expected in case["expected"].items():
        if expected is None:
            assert measured[name].value is None, name
            assert measured[name].reason == case["reasons"][name]
        else:
            assert measured[name].value == pytest.approx(
                expected, rel=tolerance, abs=tolerance
            ), name


def test_each_metric_is_expected_to_be_a_number_and_null_where_it_can() -> None:
    numbers: set[str] = set()
    nulls: set[str] = set()
    for case in CASES:
        for name, expected in case["expected"].items():
            (nulls if expected is None else numbers).add(name)
    assert numbers == {metric.name for metric in METRICS}
    assert {"kl", "kl_reverse_valid", "entropy_ratio", "wasserstein"} <= nulls


@pytest.mark.parametrize(
    "row", PERFECT["rows"], ids=[f"K{row['K']}-N{row['N']}" for row in PERFECT["rows"]]
)
def test_a_perfect_sampler_shows_the_bias_of_its_size(row: dict[str, Any]) -> None:
    repeats = 300
    rng = np.random.default_rng(row["K"] * 10_000 + row["N"])
    p = np.full(row["K"], 1 / row["K"])
    tables = rng.multinomial(row["N"], p, size=repeats) / row["N"]
    shown = {
        "entropy": [entropy(q) for q in tables],
        "total_variation": [1 - overlap(p, q) for q in tables],
        "kl_reverse_valid": [kl_reverse_valid(p, q) for q in tables],
        "share_seen": [float(np.mean(q > 0)) for q in tables],
    }
    for name, values in shown.items():
        # Four standard errors of the simulation, plus the rounding of the table.
        error = 4 * float(np.std(values, ddof=1)) / math.sqrt(repeats)
        assert error < 0.015, name
        assert abs(np.mean(values) - row[name]) < error + PERFECT["rounding"], name
