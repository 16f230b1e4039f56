"""What the order of replies adds to a run's verdict on independence."""

from __future__ import annotations

import random

from diffbench.results import Independence, TaskResult, verify_result, with_order
from tests.results.factory import content_of, make_run_of, sampled_task
from tests.results.test_verify import problems_of

SHOWN = Independence(verdict="shown", seeds="one_a_call")
COIN = ("{heads}", "{tails}")


def sticky(n: int, copied: float, seed: int = 0) -> TaskResult:
    """A coin whose reply is that of the call before with probability `copied`."""
    rng = random.Random(seed)
    replies = [rng.choice(COIN)]
    for _ in range(n - 1):
        replies.append(replies[-1] if rng.random() < copied else rng.choice(COIN))
    return sampled_task(replies)


def test_honest_replies_keep_their_verdict() -> None:
    found = with_order(SHOWN, [sticky(400, 0.0)])
    assert found.verdict == "shown"
    assert found.repeats_p is not None and found.repeats_p > 0.001
    assert found.equal_neighbours is not None and found.expected_neighbours is not None
    assert abs(found.equal_neighbours - found.expected_neighbours) < 40


def test_copies_of_the_reply_before_take_the_verdict_away() -> None:
    found = with_order(SHOWN, [sticky(400, 0.3)])
    assert found.verdict == "unproven"
    assert found.repeats_p is not None and found.repeats_p < 1e-4


def test_many_prompts_show_what_one_does_not() -> None:
    tasks = [sticky(60, 0.15, seed) for seed in range(30)]
    assert with_order(SHOWN, tasks).verdict == "unproven"


def test_one_reply_again_and_again_says_nothing_by_its_order() -> None:
    found = with_order(SHOWN, [sampled_task(["{heads}"] * 100)])
    assert (found.verdict, found.repeats_p) == ("shown", None)


def test_a_repeated_id_takes_the_verdict_away() -> None:
    doubted = SHOWN.model_copy(update={"repeated_ids": 1})
    assert with_order(doubted, [sticky(400, 0.0)]).verdict == "unproven"


def test_without_an_order_nothing_is_said() -> None:
    task = sticky(100, 0.5)
    prompts = [one.model_copy(update={"equal_neighbours": None}) for one in task.prompts]
    found = with_order(SHOWN, [task.model_copy(update={"prompts": prompts})])
    assert found == SHOWN


def test_the_verdict_is_computed_again() -> None:
    run = make_run_of(sticky(400, 0.3))
    found = with_order(SHOWN, run.tasks)
    told = run.model_copy(
        update={"run": run.run.model_copy(update={"independence": found})}
    )
    assert verify_result(told) == []
    content = content_of(told)
    content["run"]["independence"]["verdict"] = "shown"
    assert problems_of(content) == [
        "run.independence: does not follow from the order of the replies"
    ]
