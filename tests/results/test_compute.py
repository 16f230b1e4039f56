from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.metrics import METRICS
from diffbench.results import (
    MetricEntry,
    RunResult,
    family_aggregates,
    mean_metrics,
    overall_aggregate,
)
from tests.results.factory import exact_task, make_run_of, sampled_task

# With a fair coin and q = (x, 1 - x), x <= 1/2, the overlap is x + 1/2.
# Equal weight at each level, by hand:
#   family a:  task a1 = (1.0 + 0.5) / 2 = 0.75, task a2 = 0.25       -> 0.5
#   family b:  task b1 = (1.0 + 1.0 + 1.0) / 3 = 1.0                  -> 1.0
#   overall:   (0.5 + 1.0) / 2 = 0.75
# Weighing all prompts alike would give 0.79, all tasks alike 0.667.
A1 = exact_task((0.5, 0.5), (0.0, 1.0), name="a1", family="a")
A2 = exact_task((0.25, 0.0), name="a2", family="a")
B1 = exact_task((0.5, 0.5), (0.5, 0.5), (0.5, 0.5), name="b1", family="b")


def overlaps(result: RunResult) -> list[float | None]:
    return [f.metrics["overlap"].value for f in [*result.families, result.overall]]


def test_means_weigh_prompts_then_tasks_then_families_alike() -> None:
    assert A1.metrics["overlap"].value == pytest.approx(0.75)
    assert overlaps(make_run_of(A1, A2, B1)) == pytest.approx([0.5, 1.0, 0.75])


def test_families_keep_the_order_of_first_appearance_and_name_their_members() -> None:
    families = family_aggregates([B1, A1, A2])
    assert [(f.name, f.members) for f in families] == [("b", ["b1"]), ("a", ["a1", "a2"])]
    overall = overall_aggregate(families)
    assert (overall.name, overall.members) == ("overall", ["b", "a"])
    scattered = family_aggregates([A1, B1, A2])
    assert [(f.name, f.members) for f in scattered] == [("a", ["a1", "a2"]), ("b", ["b1"])]


def test_every_metric_is_in_every_mean() -> None:
    names = [metric.name for metric in METRICS]
    run = make_run_of(A1, B1)
    assert list(run.overall.metrics) == names
    assert [list(task.metrics) for task in run.tasks] == [names, names]
    assert [list(family.metrics) for family in run.families] == [names, names]


def test_a_null_is_never_averaged_away() -> None:
    reason = "outcome 0 has probability 0"
    assert A1.prompts[1].metrics["kl"] == MetricEntry(value=None, reason=reason)
    assert A1.prompts[0].metrics["kl"].value == 0
    run = make_run_of(A1, A2, B1)
    task, family, overall = A1.metrics["kl"], run.families[0].metrics["kl"], run.overall
    assert (task.value, family.value, overall.metrics["kl"].value) == (None, None, None)
    assert task.reason == f"1 of 2 has no value (first: {reason})"
    assert family.reason is not None and family.reason.startswith("2 of 2 have no value")
    assert run.families[1].metrics["kl"].value == 0
    assert overall.metrics["overlap"].value is not None


def test_replies_add_up_over_prompts_tasks_and_families() -> None:
    first = sampled_task(["{heads}"] * 10, ["{tails}"] * 19 + ["no"], name="s1", family="a")
    second = sampled_task(["{heads}"] * 5, name="s2", family="b")
    run = make_run_of(first, second, A1)
    for name in ("overlap", "kl"):
        assert [p.metrics[name].n for p in first.prompts] == [10, 20]
        assert [t.metrics[name].n for t in run.tasks] == [30, 5, None]
        assert [f.metrics[name].n for f in run.families] == [30, 5]
        assert run.overall.metrics[name].n == 35


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.data())
@settings(deadline=None, max_examples=60)
def test_a_mean_lies_among_its_members_and_a_single_null_makes_it_null(
    values: list[float], data: st.DataObject
) -> None:
    members = [{m.name: MetricEntry(value=value, n=2) for m in METRICS} for value in values]
    for entry in mean_metrics(members).values():
        assert entry.value == pytest.approx(sum(values) / len(values), abs=1e-6)
        assert entry.n == 2 * len(values)
    gone = data.draw(st.sampled_from(members))
    gone["js"] = MetricEntry(value=None, reason="why", n=2)
    means = mean_metrics(members)
    assert means["js"].value is None and "why" in str(means["js"].reason)
    assert means["js_valid"].value is not None
