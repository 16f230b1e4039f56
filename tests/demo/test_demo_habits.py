"""The embedded model's habits beyond the core: people that it makes up, first options."""

from __future__ import annotations

from statistics import fmean

import pytest

from diffbench.harness.lm import EngineLM
from diffbench.harness.one_biography import run_biography
from diffbench.harness.one_task import run_task
from diffbench.options import RunOptions
from diffbench.results import BiographyResult, MetricEntry, TaskResult
from diffbench.suite import shipped_catalog

CATALOG = shipped_catalog()
OPTIONS = RunOptions(model="demo")
PEOPLE, STATED = map(pytest.mark.xdist_group, ("demo people", "demo stated"))


@pytest.fixture(scope="module")
def people(lm: EngineLM) -> BiographyResult:
    task = CATALOG.biographies["diffbench_biographies"]
    return run_biography(lm, task, OPTIONS).result


@pytest.fixture(scope="module")
def stated(lm: EngineLM) -> list[TaskResult]:
    names = CATALOG.groups["diffbench_instructed"].tasks
    return [run_task(lm, CATALOG.tasks[name], OPTIONS).result for name in names]


def _known(entry: MetricEntry) -> float:
    assert entry.value is not None
    return entry.value


@PEOPLE
@pytest.mark.slow
def test_its_biographies_are_well_formed(people: BiographyResult) -> None:
    assert people.samples == 200
    assert _known(people.metrics["well_formed"]) > 0.95


@PEOPLE
@pytest.mark.slow
def test_its_people_are_all_alike(people: BiographyResult) -> None:
    for field in ("first_name", "country", "profession"):
        assert 0.2 < _known(people.metrics[f"{field}.top_share"]) < 0.8
        assert 5 < _known(people.metrics[f"{field}.distinct_100"]) < 35


@STATED
@pytest.mark.slow
def test_told_a_distribution_it_gives_valid_answers(stated: list[TaskResult]) -> None:
    assert fmean(_known(task.metrics["valid_mass"]) for task in stated) > 0.8


@STATED
@pytest.mark.slow
def test_it_takes_the_first_option(stated: list[TaskResult]) -> None:
    preferences = [
        task.first_option_preference
        for task in stated
        if task.first_option_preference is not None
    ]
    assert len(preferences) > 10
    assert fmean(preferences) > 0.3
