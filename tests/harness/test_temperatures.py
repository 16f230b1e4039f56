"""Several temperatures in one run: each as alone, and exact values in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diffbench.api import run, run_temperatures
from diffbench.engine.decoding import Decoding
from diffbench.engine.packed import PackedPath
from diffbench.errors import ResultError, SettingsError
from diffbench.options import RunOptions
from diffbench.results import load_results, verify_result

OPTIONS = RunOptions(
    model="demo",
    tasks=("diffbench_dates_weekday", "diffbench_numbers_odd_10_sampled"),
    samples=200,
    top_p=0.9,
    device="cpu",
)
TEMPERATURES = (0.7, 1.0, 1.5)


def test_each_temperature_is_what_it_is_alone(tmp_path: Path) -> None:
    several = run_temperatures(replace(OPTIONS, output=tmp_path / "all"), TEMPERATURES)
    for temperature, found in zip(TEMPERATURES, several, strict=True):
        options = replace(
            OPTIONS, temperature=temperature, output=tmp_path / f"{temperature}"
        )
        alone = run(options)
        assert found.tasks == alone.tasks
        assert found.content_sha256 == alone.content_sha256
        stored = load_results(tmp_path / "all" / f"temperature-{temperature}")
        assert stored == found
        assert verify_result(stored) == []
    overlaps = [found.tasks[0].metrics["overlap"].value for found in several]
    assert len(set(overlaps)) == len(TEMPERATURES)


def test_exact_values_of_all_temperatures_cost_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    score = PackedPath.score

    def counted(self: PackedPath, requests: Any, decodings: Sequence[Decoding]) -> Any:
        calls.append(sum(len(request.continuations) for request in requests))
        return score(self, requests, decodings)

    monkeypatch.setattr(PackedPath, "score", counted)
    exact = replace(OPTIONS, tasks=("diffbench_dates_weekday",))
    run(replace(exact, output=tmp_path / "one"))
    once = list(calls)
    calls.clear()
    run_temperatures(replace(exact, output=tmp_path / "all"), TEMPERATURES)
    assert 0 < sum(calls) <= sum(once)


def test_an_interrupted_sweep_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "all"
    first = run(
        replace(OPTIONS, temperature=0.7, output=output / f"temperature-{TEMPERATURES[0]}")
    )
    with pytest.raises(ResultError, match="already holds"):
        run_temperatures(replace(OPTIONS, output=output), TEMPERATURES)
    resumed = run_temperatures(replace(OPTIONS, output=output, resume=True), TEMPERATURES)
    assert resumed[0] == first
    assert [one.settings.temperature for one in resumed] == list(TEMPERATURES)


@pytest.mark.parametrize(
    ("temperatures", "said"),
    [
        ((), "no temperature is given"),
        ((1.0, 0.5, 1.0), "write each of them once"),
        ((1.0, 0.0), "temperature is 0.0"),
        ((1.0, float("nan")), "temperature is nan"),
    ],
)
def test_lists_that_cannot_be_are_refused(
    temperatures: tuple[float, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        run_temperatures(replace(OPTIONS, output=tmp_path / "all"), temperatures)
    assert not (tmp_path / "all").exists()
