from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from diffbench.metrics import METRICS
from diffbench.results import RunResult, verify_result
from diffbench.suite import Prompt
from diffbench.targets import Outcome, make_target
from tests.results.factory import (
    Content,
    content_of,
    exact_task,
    leaves,
    make_run,
    make_run_of,
    node_at,
    sampled_task,
    seal,
)

RUN = make_run()
LISTED = Prompt(id="a", split="train", text="Heads or tails?", listed=("heads", "tails"))
TURNED = Prompt(id="b", split="train", text="Tails or heads?", listed=("tails", "heads"))
LEAVES = list(leaves(content_of(RUN)))

EXACT, SAMPLED = ("tasks", 0), ("tasks", 2)
PROMPT = (*EXACT, "prompts", 1)
DRAWN = (*SAMPLED, "prompts", 0)
AT_PROMPT = "task diffbench_coin, prompt p1: "
AT_DRAWN = "task diffbench_coin_sampled, prompt p0: "


def problems_of(content: Content) -> list[str]:
    """Verify altered content under a hash that fits it."""
    return verify_result(RunResult.model_validate(seal(content)))


def put(path: tuple[str | int, ...], value: Any) -> list[str]:
    content = content_of(RUN)
    holder = node_at(content, path[:-1])
    assert holder[path[-1]] != value
    holder[path[-1]] = value
    return problems_of(content)


def changed(edit: Callable[[Content], Any]) -> list[str]:
    content = content_of(RUN)
    edit(content)
    return problems_of(content)


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        make_run_of(exact_task((0.0, 0.0), (0.605, 0.405), (0.3, 0.3))),
        make_run_of(sampled_task(["nothing valid"], ["{heads}"] * 2000)),
        make_run_of(
            exact_task(
                (0.1, 0.2),
                target=make_target(
                    [Outcome(text="Ann", weight=3), Outcome(text="Bo")], listed_mass=0.4
                ),
            )
        ),
    ],
    ids=["usual", "edges", "invalid", "listed"],
)
def test_a_sound_run_has_no_problem(run: RunResult) -> None:
    assert verify_result(run) == []
    assert problems_of(content_of(run)) == []


def test_rounding_of_another_platform_is_no_problem() -> None:
    path = (*PROMPT, "metrics", "js", "value")
    value = node_at(content_of(RUN), path)
    assert put(path, value * (1 + 1e-10)) == []
    assert len(put(path, value * (1 + 1e-8))) == 1


@pytest.mark.parametrize("metric", [metric.name for metric in METRICS])
@pytest.mark.parametrize(
    ("holder", "where"),
    [
        (PROMPT, "task diffbench_coin, prompt p1"),
        (EXACT, "task diffbench_coin"),
        (("families", 0), "family coins"),
        (("overall",), "overall"),
    ],
    ids=["prompt", "task", "family", "overall"],
)
def test_one_changed_value_is_the_one_problem(
    holder: tuple[str | int, ...], where: str, metric: str
) -> None:
    path = (*holder, "metrics", metric, "value")
    old = node_at(content_of(RUN), path)
    assert put(path, 0.123) == [
        f"{where}: {metric} is 0.123 in the file but {old} when computed again"
    ]


@pytest.mark.parametrize("holder", [PROMPT, EXACT, ("families", 1), ("overall",)])
@pytest.mark.parametrize("reason", [None, "it went missing", ""])
def test_null_in_place_of_a_value_is_a_problem(
    holder: tuple[str | int, ...], reason: str | None
) -> None:
    entry = {"value": None, "reason": reason}
    (problem,) = put((*holder, "metrics", "overlap"), entry)
    assert "overlap is None in the file but 0." in problem


@pytest.mark.parametrize("holder", [PROMPT, EXACT, ("families", 1), ("overall",)])
def test_missing_and_extra_metrics_are_named(holder: tuple[str | int, ...]) -> None:
    (missing,) = changed(lambda c: node_at(c, holder)["metrics"].pop("hellinger"))
    assert missing.endswith(": hellinger is missing")
    (unknown,) = put((*holder, "metrics"), {**metrics_at(holder), "luck": {"value": 1}})
    assert unknown.endswith(": luck is unknown")


def metrics_at(holder: tuple[str | int, ...]) -> Content:
    metrics: Content = node_at(content_of(RUN), (*holder, "metrics"))
    return metrics


def test_a_changed_probability_is_seen_in_the_metrics() -> None:
    problems = put((*PROMPT, "probabilities", 0), 0.05)
    assert f"{AT_PROMPT}overlap is 0.6 in the file but 0.55 when computed again" in problems
    for where in ("task diffbench_coin", "family coins", "overall"):
        assert any(p.startswith(f"{where}: overlap is ") for p in problems)


def test_a_changed_count_is_seen_in_the_metrics() -> None:
    problems = put((*DRAWN, "counts", 1), 4)
    assert any(p.startswith(f"{AT_DRAWN}overlap is ") for p in problems)
    assert any("rests on 10 replies in the file but on 11" in p for p in problems)


@pytest.mark.parametrize("number", [9, None])
def test_a_changed_number_of_replies_is_a_problem(number: int | None) -> None:
    (problem,) = put((*DRAWN, "metrics", "overlap", "n"), number)
    shown = f"overlap rests on {number} replies in the file but on 10"
    assert problem == f"{AT_DRAWN}{shown} when computed again"


@pytest.mark.parametrize("invalid", [{"any": 0.5}, {}, {"any": 0.2, "more": 0.1}])
def test_a_changed_invalid_mass_is_a_problem(invalid: dict[str, float]) -> None:
    path = (*EXACT, "prompts", 0, "invalid")
    (problem,) = put(path, invalid)
    assert "prompt p0: the invalid mass is 0" in problem
    assert problem.endswith("in the file but 0.25 when computed again")


@pytest.mark.parametrize("n", [2.0, 0.0])
def test_a_changed_number_of_invalid_replies_is_seen(n: float) -> None:
    problems = put((*DRAWN, "invalid", "talk_first"), n)
    assert any(p.startswith(f"{AT_DRAWN}valid_mass is ") for p in problems)


@pytest.mark.parametrize("n", [1.5, 0.9, -1.0, 1e308])
def test_replies_come_in_whole_numbers(n: float) -> None:
    (problem, *_) = put((*DRAWN, "invalid", "talk_first"), n)
    assert problem.startswith(f"{AT_DRAWN}cannot be computed again: ")


def test_another_target_is_named() -> None:
    problems = put((*EXACT, "target", "probabilities"), [0.25, 0.75])
    assert "task diffbench_coin: the target does not match its sha256" in problems
    assert f"{AT_PROMPT}measured against another target" in problems
    assert any(p.startswith(f"{AT_PROMPT}overlap is ") for p in problems)


def test_another_target_hash_is_named() -> None:
    assert put((*EXACT, "target", "sha256"), "f" * 64) == [
        "task diffbench_coin: the target does not match its sha256"
    ]
    assert put((*PROMPT, "target_sha256"), "f" * 64) == [
        f"{AT_PROMPT}measured against another target"
    ]


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("probabilities", [0.5, 0.6]),
        ("probabilities", [0.5, 0.25, 0.25]),
        ("probabilities", []),
        ("outcomes", ["heads"]),
        ("outcomes", []),
        ("values", [1.0]),
        ("values", [-1e308, 1e308]),
        ("listed_mass", 0.0),
    ],
)
def test_what_is_no_target_is_a_problem_not_an_exception(key: str, bad: object) -> None:
    problems = put((*EXACT, "target", key), bad)
    assert any(p.startswith(f"{AT_PROMPT}cannot be computed again: ") for p in problems)


@pytest.mark.parametrize(
    "measured",
    [
        {"probabilities": None, "counts": None},
        {"probabilities": [0.5, 0.5], "counts": [6, 3]},
        {"probabilities": [0.6, 0.3], "counts": None},
        {"counts": [6]},
        {"counts": [6, 3, 0]},
        {"counts": [0, 0], "invalid": {}},
        {"counts": [10**400, 3]},
    ],
    ids=["none", "both", "other", "short", "long", "nothing", "huge"],
)
def test_a_sampled_prompt_has_just_the_counts_of_its_outcomes(
    measured: dict[str, object],
) -> None:
    (problem, *_) = changed(lambda c: node_at(c, DRAWN).update(measured))
    assert problem.startswith(f"{AT_DRAWN}cannot be computed again: ")


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ((*SAMPLED, "estimator"), "exact", AT_DRAWN),
        ((*EXACT, "estimator"), "sampled", AT_PROMPT),
        ((*PROMPT, "counts"), [1, 9], AT_PROMPT),
    ],
)
def test_counts_cannot_pass_as_exact_nor_stand_beside_it(
    path: tuple[str | int, ...], value: object, where: str
) -> None:
    problems = put(path, value)
    assert any(p.startswith(f"{where}cannot be computed again: ") for p in problems)


def test_another_support_size_is_named() -> None:
    assert put((*PROMPT, "support_size"), 3) == [
        f"{AT_PROMPT}support_size is 3, but the target has 2 outcomes"
    ]


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["families"].reverse(),
        lambda c: c["families"].pop(),
        lambda c: c["families"].append(c["families"][0]),
        lambda c: c["families"][0].update(name="others"),
        lambda c: c["families"][0]["members"].pop(),
        lambda c: c["tasks"].reverse(),
        lambda c: c["tasks"][1].update(family="coins"),
        lambda c: c["overall"]["members"].pop(),
    ],
    ids=["order", "fewer", "more", "name", "members", "tasks", "moved", "overall"],
)
def test_families_are_those_of_the_tasks(edit: Callable[[Content], Any]) -> None:
    assert "families: not those of the tasks" in changed(edit)


def test_problems_of_several_prompts_all_appear() -> None:
    def edit(content: Content) -> None:
        content["tasks"][0]["target"]["probabilities"] = [2e-9, 0.0]
        content["tasks"][2]["prompts"][0]["metrics"]["js"]["value"] = 0.0

    problems = changed(edit)
    for where in ("diffbench_coin, prompt p0", AT_PROMPT, f"{AT_DRAWN}js is 0.0"):
        assert any(where in problem for problem in problems)


VALUES = (
    st.none()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.lists(st.integers(0, 3) | st.floats(0, 1) | st.text(max_size=2), max_size=4)
    | st.dictionaries(st.text(max_size=2), st.floats(0, 1), max_size=2)
)


@given(st.lists(st.tuples(st.sampled_from(LEAVES), VALUES), min_size=1, max_size=3))
@settings(deadline=None, max_examples=200)
def test_whatever_loads_is_judged_and_never_raises(
    edits: list[tuple[tuple[str | int, ...], Any]],
) -> None:
    content = content_of(RUN)
    for path, value in edits:
        try:
            # A value one level up replaces whole lists and records.
            at = path[:-1] if isinstance(value, list | dict) and len(path) > 1 else path
            node_at(content, at[:-1])[at[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue
    try:
        result = RunResult.model_validate(content)
    except ValidationError:
        return
    assert all(isinstance(problem, str) for problem in verify_result(result))


@pytest.mark.parametrize("part", ["raw", "bias", "perfect", "excess"])
def test_a_changed_part_of_a_sampled_value_is_a_problem(part: str) -> None:
    path = (*DRAWN, "metrics", "overlap", part)
    assert node_at(content_of(RUN), path) is not None
    (problem,) = put(path, 0.123)
    assert problem.startswith(f"{AT_DRAWN}overlap has {part} 0.123 in the file but ")


def test_a_changed_test_of_fit_is_a_problem() -> None:
    (problem,) = put((*DRAWN, "fit", "valid_replies"), 0.5)
    assert problem == f"{AT_DRAWN}fit.valid_replies does not follow from the counts"


def test_values_that_an_older_version_did_not_correct_are_named() -> None:
    def older(content: Content) -> None:
        task = content["tasks"][DRAWN[1]]
        for metrics in (task["metrics"], *(one["metrics"] for one in task["prompts"])):
            for entry in metrics.values():
                entry.update(raw=None, bias=None, perfect=None, excess=None)

    (problem,) = changed(older)
    assert "plug-in values of an older DiffBench" in problem
    assert problem.endswith("measure it again")


class TestFirstOptionPreference:
    RUN = make_run_of(exact_task((0.7, 0.2), (0.4, 0.5), prompts=(LISTED, TURNED)))

    def forged(self, edit: Callable[[Content], Any]) -> list[str]:
        content = content_of(self.RUN)
        edit(content["tasks"][0])
        return problems_of(content)

    def test_sound(self) -> None:
        # Heads 7/9 where it is first and 4/9 where it is last; tails the same.
        assert self.RUN.tasks[0].first_option_preference == pytest.approx(3 / 9)
        assert verify_result(self.RUN) == []

    def test_another_number(self) -> None:
        (problem,) = self.forged(lambda task: task.update(first_option_preference=0.1))
        assert "first_option_preference is 0.1 in the file but 0.333" in problem

    def test_other_options(self) -> None:
        (problem,) = self.forged(
            lambda task: task["prompts"][0].update(listed=["heads", "edge"])
        )
        assert "the options listed are not the target's outcomes" in problem

    def test_another_order(self) -> None:
        (problem,) = self.forged(
            lambda task: task["prompts"][1].update(listed=["heads", "tails"])
        )
        assert "first_option_preference is 0.333" in problem and "None" in problem


def test_no_more_invalid_replies_are_listed_than_there_are() -> None:
    content = content_of(make_run_of(sampled_task(["{heads}", "well", "well", "no"])))
    (prompt,) = content["tasks"][0]["prompts"]
    assert prompt["commonest_invalid"][0] == {"reply": "well", "count": 2}
    prompt["commonest_invalid"][0]["count"] = 3
    (problem,) = verify_result(RunResult.model_validate(seal(content)))
    assert "the commonest invalid replies are 4, but all invalid ones 3" in problem
