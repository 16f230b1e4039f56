"""What two measurements come to, task by task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diffbench.compare import (
    Measurement,
    MetricVerdict,
    Question,
    compare_measurements,
    judge,
    measurement_of,
)
from diffbench.compare.tolerance import numeric_tolerance
from diffbench.compare.verdict import Verdict, overall_verdict
from diffbench.errors import SettingsError
from diffbench.metrics import TargetArrays
from tests.compare.measured import drawn, measured, scored
from tests.results.factory import exact_task, make_run_of, sampled_task

COIN = TargetArrays(p=np.array([0.5, 0.5]))
FAIR, BENT = (2000, 1960, 40), (3500, 460, 40)


def _only(before: Measurement, after: Measurement, **options: Any) -> MetricVerdict:
    (found,) = compare_measurements(before, after, resamples=999, **options).tasks
    return found


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ((0.6, 0.39), "equivalent"),
        ((0.6 + 9e-6, 0.39 - 9e-6), "equivalent"),
        ((0.6 + 2e-5, 0.39 - 2e-5), "worse"),
        ((0.6 - 2e-5, 0.39 + 2e-5), "improved"),
    ],
)
def test_exact_values_move_by_more_than_their_arithmetic_or_not(
    row: tuple[float, float], word: Verdict
) -> None:
    found = _only(measured(scored(COIN, (0.6, 0.39))), measured(scored(COIN, row)))
    assert (found.verdict, found.kind) == (word, "exact")
    assert found.not_worse == (word != "worse")
    assert found.interval is None and found.p_value is None


def test_a_swap_between_prompts_shows_in_the_worst_one() -> None:
    found = _only(
        measured(scored(COIN, (0.5, 0.5), (0.9, 0.1))),
        measured(scored(COIN, (0.9, 0.1), (0.5, 0.5))),
    )
    assert found.verdict == "equivalent"
    assert found.worst_prompt is not None
    assert found.worst_prompt.id == "p0"
    assert found.worst_prompt.gain == pytest.approx(-0.4)


def test_the_coarser_precision_gives_the_tolerance() -> None:
    fine = measured(scored(COIN, (0.5, 0.5)))
    other = replace(fine, hardware="another machine")
    half = replace(fine, model=fine.model.model_copy(update={"dtype": "bfloat16"}))
    unknown = replace(fine, model=fine.model.model_copy(update={"dtype": None}))
    assert numeric_tolerance(fine, fine) == 1e-5
    assert numeric_tolerance(fine, other) == 1e-4
    assert numeric_tolerance(fine, half) == numeric_tolerance(unknown, fine) == 5e-3


def test_a_measured_noise_floor_widens_the_tolerance() -> None:
    before = replace(measured(scored(COIN, (0.6, 0.4))), noise_floor={"overlap": 0.05})
    found = _only(before, measured(scored(COIN, (0.64, 0.36))))
    assert (found.verdict, found.allowed) == ("equivalent", 0.05)


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (FAIR, BENT, "worse"),
        (BENT, FAIR, "improved"),
        (FAIR, (19900, 19700, 400), "equivalent"),
        ((20, 19, 1), (19, 20, 1), "unresolved"),
    ],
)
def test_replies(before: tuple[int, ...], after: tuple[int, ...], word: Verdict) -> None:
    found = _only(measured(drawn(COIN, before)), measured(drawn(COIN, after)), margin=0.05)
    assert (found.verdict, found.kind) == (word, "sampled")
    assert found.p_value is not None and found.p_adjusted is not None
    assert (found.replies_needed is not None) == (word == "unresolved")
    assert found.smallest_difference is not None and found.smallest_difference > 0.05


def test_the_interval_decides_the_margin_and_the_p_value_never() -> None:
    """A loss that is certain, p below any alpha, is no `worse` within the margin."""
    before, after = (50_000, 50_000, 0), (51_500, 48_500, 0)
    pair = measured(drawn(COIN, before)), measured(drawn(COIN, after))
    inside = _only(*pair, margin=0.05)
    assert inside.verdict == "equivalent"
    assert inside.p_value == pytest.approx(0.002)


def test_replies_with_exact_values() -> None:
    near, far = scored(COIN, (0.5, 0.49)), scored(COIN, (0.9, 0.1))
    found = _only(measured(near), measured(drawn(COIN, FAIR)), margin=0.05)
    assert (found.kind, found.verdict, found.p_value) == ("mixed", "equivalent", None)
    found = _only(measured(near), measured(drawn(COIN, BENT)), margin=0.05)
    assert found.verdict == "worse"
    found = _only(measured(far), measured(drawn(COIN, FAIR)), margin=0.05)
    assert found.verdict == "improved"


def test_exact_mass_that_could_still_be_valid_makes_room() -> None:
    found = _only(
        measured(scored(COIN, (0.45, 0.25))), measured(drawn(COIN, FAIR)), margin=0.05
    )
    assert found.interval is not None
    assert found.interval.lo < 0 < found.interval.hi
    assert found.verdict == "unresolved", "0.30 more could be unusual spellings"


def test_exact_and_sampled_tasks_of_one_name_are_paired() -> None:
    exact = make_run_of(exact_task((0.5, 0.5)))
    sampled = make_run_of(
        sampled_task(["{heads}"] * 500 + ["{tails}"] * 500, name="diffbench_coin_sampled")
    )
    found = _only(measurement_of(exact), measurement_of(sampled), margin=0.1)
    assert (found.kind, found.verdict) == ("mixed", "equivalent")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (measured(scored(COIN, (0.5, 0.5))), measured(), "not in the second"),
        (measured(), measured(scored(COIN, (0.5, 0.5))), "not in the first"),
        (
            measured(scored(COIN, (0.5, 0.5))),
            measured(scored(COIN, (0.5, 0.5), version="2.0")),
            "other versions (1.0 and 2.0)",
        ),
        (
            measured(scored(COIN, (0.5, 0.5))),
            measured(scored(COIN, (0.5, 0.5), target_sha256="1" * 64)),
            "other targets",
        ),
        (
            measured(scored(COIN, (0.5, 0.5), (0.5, 0.5))),
            measured(scored(COIN, (0.5, 0.5))),
            "other numbers of prompts (2 and 1)",
        ),
        (
            measured(scored(COIN, (0.5, 0.5))),
            measured(scored(COIN, (0.5, 0.5), estimator="expanded")),
            "other estimators (exact and expanded)",
        ),
        (
            measured(scored(COIN, (0.5, 0.5))),
            measured(scored(COIN, (0.5, 0.3, 0.2))),
            "other numbers of outcomes",
        ),
        (
            measured(drawn(COIN, FAIR)),
            measured(drawn(COIN, FAIR), answer_rule="anywhere"),
            "other answer rule (first and anywhere)",
        ),
        (
            measured(drawn(COIN, FAIR)),
            measured(drawn(COIN, FAIR), max_new_tokens=8),
            "other max new tokens (64 and 8)",
        ),
        (
            measured(drawn(COIN, FAIR)),
            replace(measured(drawn(COIN, FAIR)), independent=False),
            "replies that are not known to be independent draws",
        ),
        (measured(drawn(COIN, FAIR)), measured(drawn(COIN, (0, 0, 0))), "a prompt without"),
    ],
)
def test_what_is_not_comparable_says_why(
    before: Measurement, after: Measurement, reason: str
) -> None:
    found = _only(before, after)
    assert found.verdict == "not_comparable"
    assert found.reason is not None and found.reason.startswith(reason)
    assert compare_measurements(before, after).overall == "not_comparable"


def test_other_prompts_are_not_compared() -> None:
    task = scored(COIN, (0.5, 0.5))
    (prompt,) = task.prompts
    other = replace(task, prompts=[replace(prompt, sha256="1" * 64)])
    assert _only(measured(task), measured(other)).reason == "other prompts"


def test_a_name_that_stands_for_two_tasks_is_not_compared() -> None:
    task = scored(COIN, (0.5, 0.5))
    for found in compare_measurements(measured(task, task), measured(task)).tasks:
        assert found.verdict == "not_comparable"
    found = _only(measured(task), measured(task, task))
    assert found.reason == "two tasks of this name"


def test_nan_is_invalid_and_never_equivalent() -> None:
    row = (float("nan"), 0.5)
    found = _only(measured(scored(COIN, (0.5, 0.5))), measured(scored(COIN, row)))
    assert (found.verdict, found.problem) == ("not_comparable", "invalid")


def _ask(metric: str, better: Any, before: Any, after: Any) -> MetricVerdict:
    question = Question(task="coin", metric=metric, better=better)
    (found,) = judge(
        measured(before), measured(after), [question], alpha=0.05, resamples=99
    )
    return found


@pytest.mark.parametrize(
    ("metric", "better", "before", "after", "word"),
    [
        ("kl", "lower", (0.5, 0.5), (0.6, 0.4), "worse"),
        ("kl", "lower", (0.6, 0.4), (0.5, 0.5), "improved"),
        ("entropy_ratio", "near_one", (0.7, 0.3), (0.6, 0.4), "improved"),
        ("entropy", "near_target", (0.7, 0.3), (0.9, 0.1), "worse"),
        ("top_ratio", "near_one", (0.6, 0.4), (0.8, 0.2), "worse"),
    ],
)
def test_each_metric_has_its_own_better_side(
    metric: str, better: Any, before: Any, after: Any, word: Verdict
) -> None:
    assert _ask(metric, better, scored(COIN, before), scored(COIN, after)).verdict == word


def test_a_metric_without_value_is_missing() -> None:
    found = _ask("kl", "lower", scored(COIN, (0.5, 0.5)), scored(COIN, (1.0, 0.0)))
    assert (found.verdict, found.problem) == ("not_comparable", "missing")


def test_replies_are_compared_only_on_what_has_an_unbiased_estimate() -> None:
    found = _ask("kl", "lower", drawn(COIN, FAIR), drawn(COIN, FAIR))
    assert found.problem == "missing"
    assert found.reason is not None and "free of bias" in found.reason
    for metric in ("overlap", "overlap_valid", "valid_mass"):
        assert _ask(metric, "higher", drawn(COIN, FAIR), drawn(COIN, FAIR)).problem is None


def test_holm_covers_the_tasks_together() -> None:
    tasks = [drawn(COIN, FAIR, name=f"t{i}") for i in range(4)]
    worse = [drawn(COIN, (2300, 1660, 40), name=f"t{i}") for i in range(4)]
    after = [worse[0], *tasks[1:]]
    found = compare_measurements(measured(*tasks), measured(*after), margin=0.0).tasks
    assert [one.verdict for one in found] == ["worse", *["unresolved"] * 3]
    assert found[0].p_value is not None
    assert found[0].p_adjusted == pytest.approx(4 * found[0].p_value)


def test_the_overall_word_is_the_gravest() -> None:
    def overall(*words: Verdict) -> Verdict:
        blank = _only(measured(scored(COIN, (0.5, 0.5))), measured())
        return overall_verdict([replace(blank, verdict=word) for word in words])

    assert overall("improved", "worse", "unresolved") == "worse"
    assert overall("improved", "unresolved") == "unresolved"
    assert overall("equivalent", "improved", "not_comparable") == "improved"
    assert overall("not_comparable") == overall() == "not_comparable"


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.0}, {"margin": -0.1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        compare_measurements(measured(), measured(), **options)
