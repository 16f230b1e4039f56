"""Two results side by side: what is compared, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from diffbench.compare import compare_results
from diffbench.errors import ResultError
from diffbench.results import RunResult
from tests.results.factory import COLOURS, exact_task, make_run_of, sampled_task


def _with_settings(run: RunResult, **changes: Any) -> RunResult:
    return run.model_copy(update={"settings": run.settings.model_copy(update=changes)})


def test_changes_are_after_minus_before() -> None:
    before = make_run_of(exact_task((0.9, 0.1), (0.8, 0.2)))
    after = make_run_of(exact_task((0.5, 0.5), (0.6, 0.2)))
    (task,) = compare_results(before, after).tasks
    delta = task.metrics["overlap"]
    assert delta.before == pytest.approx((0.6 + 0.7) / 2)
    assert delta.after == pytest.approx((1.0 + 0.7) / 2)
    assert delta.change == pytest.approx(0.2)
    assert task.metrics["wasserstein"].change is None


def test_means_weigh_families_alike_and_splits_apart() -> None:
    def run(*q: float) -> RunResult:
        return make_run_of(
            exact_task((q[0], 1 - q[0]), name="a", family="one"),
            exact_task((q[1], 1 - q[1]), name="b", family="one"),
            exact_task((q[2], 1 - q[2]), name="c", family="two"),
            exact_task((q[3], 1 - q[3]), name="d", family="two", split="held_out",
                       prompts=_held_out()),
        )  # fmt: skip

    found = compare_results(run(0.9, 0.7, 1.0, 1.0), run(0.5, 0.5, 0.5, 0.9))
    train, held_out = found.means
    assert (train.split, train.n_tasks) == ("train", 3)
    assert train.metrics["overlap"].before == pytest.approx(((0.6 + 0.8) / 2 + 0.5) / 2)
    assert train.metrics["overlap"].after == pytest.approx(1.0)
    assert (held_out.split, held_out.n_tasks) == ("held_out", 1)
    assert held_out.metrics["overlap"].change == pytest.approx(0.1)


def _held_out() -> Any:
    from diffbench.suite import Prompt

    return (Prompt(id="p0", split="held_out", text="Other words."),)


def test_a_missing_value_makes_the_mean_missing() -> None:
    # A reply that was never drawn leaves KL without a value.
    run = make_run_of(sampled_task(["{heads}"] * 5), exact_task((0.5, 0.5), name="b"))
    (means,) = compare_results(run, run).means
    assert means.metrics["kl"].before is None
    assert means.metrics["kl"].change is None
    assert means.metrics["overlap"].change == 0.0


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (exact_task((0.5, 0.5), version="2.0"), "other versions (1.0 and 2.0)"),
        (exact_task((0.5, 0.5), (0.5, 0.5)), "other prompts"),
        (exact_task((0.3, 0.3, 0.3), target=COLOURS), "other targets"),
        (
            sampled_task(["{heads}"], name="diffbench_coin"),
            "other estimators (exact and sampled)",
        ),
    ],
)
def test_what_was_not_measured_alike_is_named_and_left_out(other: Any, reason: str) -> None:
    same = exact_task((0.5, 0.5), name="same")
    found = compare_results(
        make_run_of(exact_task((0.5, 0.5)), same), make_run_of(other, same)
    )
    assert [task.name for task in found.tasks] == ["same"]
    assert [(one.name, one.reason) for one in found.not_compared] == [
        ("diffbench_coin", reason)
    ]


def test_tasks_of_one_side_only_are_named() -> None:
    same = exact_task((0.5, 0.5), name="same")
    found = compare_results(
        make_run_of(same, exact_task((0.5, 0.5), name="a")),
        make_run_of(same, exact_task((0.5, 0.5), name="b")),
    )
    assert {(one.name, one.reason) for one in found.not_compared} == {
        ("a", "not in the second"),
        ("b", "not in the first"),
    }


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(ResultError, match="no task to compare"):
        compare_results(
            make_run_of(exact_task((0.5, 0.5), name="a")),
            make_run_of(exact_task((0.5, 0.5), name="b")),
        )


@pytest.mark.parametrize(
    "changes",
    [{"temperature": 0.7}, {"top_k": 5}, {"answer_rule": "anywhere"}, {"limit": 1}],
)
def test_other_settings_are_another_question(changes: dict[str, Any]) -> None:
    run = make_run_of(exact_task((0.5, 0.5)))
    with pytest.raises(ResultError, match=f"different settings: {next(iter(changes))}"):
        compare_results(run, _with_settings(run, **changes))


def test_raw_values_of_other_numbers_of_replies_are_not_compared() -> None:
    """A fair coin would seem to improve with more replies."""
    few = make_run_of(sampled_task(["{heads}"] * 4 + ["{tails}"] * 2), _other())
    many = make_run_of(sampled_task(["{heads}", "{tails}"] * 300), _other())
    found = compare_results(
        _with_settings(few, samples=6), _with_settings(many, samples=600)
    )
    assert [task.name for task in found.tasks] == ["other"]
    (one,) = found.not_compared
    assert one.reason == "other samples (6 and 600)"


def _other() -> Any:
    return exact_task((0.5, 0.5), name="other")
