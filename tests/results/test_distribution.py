from __future__ import annotations

import pytest

from diffbench.results import TaskResult
from diffbench.results.distribution import mean_distribution, most_overdrawn
from diffbench.targets import Outcome, Target, make_target
from tests.results.factory import COLOURS, exact_task, sampled_task

LISTED = make_target(
    [Outcome(text="Ann", weight=2), Outcome(text="Bo"), Outcome(text="Cy")],
    listed_mass=0.4,
)


def overdrawn(task: TaskResult) -> tuple[str, float]:
    found = most_overdrawn(task)
    assert found is not None
    return found[0], round(found[1], 12)


def test_exact_rows_are_averaged() -> None:
    task = exact_task((0.5, 0.3, 0.2), (0.1, 0.1, 0.0), target=COLOURS)
    assert mean_distribution(task) == pytest.approx([0.3, 0.2, 0.1])


def test_replies_are_shares_of_all_replies_and_prompts_weigh_alike() -> None:
    task = sampled_task(
        ["{red}", "{red}", "{blue}", "hello"],
        ["{green}"] * 40,
        target=COLOURS,
    )
    # (2/4, 0, 1/4) and (0, 1, 0); pooling the 44 replies would give green 0.91.
    assert mean_distribution(task) == pytest.approx([0.25, 0.5, 0.125])


def test_the_most_overdrawn_outcome_is_that_of_the_largest_ratio_not_share() -> None:
    # Ratios to (1/2, 1/4, 1/4): 0.9, 1.4, 0.4. Invalid mass is not shared out.
    task = exact_task((0.45, 0.35, 0.1), target=COLOURS)
    assert overdrawn(task) == ("green", 1.4)


def test_of_equal_ratios_the_first_outcome_is_named() -> None:
    task = sampled_task(["{blue}", "{green}"], target=COLOURS)
    assert overdrawn(task) == ("green", 2.0)


def test_where_only_a_part_is_listed_the_listed_draws_are_compared() -> None:
    # q = (0.1, 0.3, 0.0) renormalised is (1/4, 3/4, 0), against (1/2, 1/4, 1/4).
    exact = exact_task((0.1, 0.3, 0.0), target=LISTED)
    assert overdrawn(exact) == ("Bo", 3.0)
    sampled = sampled_task(["{Ann}", "{Bo}", "{Bo}", "{Bo}"] + ["{Zed}"] * 6, target=LISTED)
    assert overdrawn(sampled) == ("Bo", 3.0)


@pytest.mark.parametrize("target", [COLOURS, LISTED], ids=["whole", "listed"])
def test_nothing_valid_means_nothing_overdrawn(target: Target) -> None:
    for task in (
        exact_task((0.0, 0.0, 0.0), target=target),
        sampled_task(["no", "{violet}"], target=target),
    ):
        assert mean_distribution(task).tolist() == [0, 0, 0]
        assert most_overdrawn(task) is None
