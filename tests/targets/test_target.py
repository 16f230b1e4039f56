from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from diffbench.errors import TargetError
from diffbench.targets import Outcome, Target, make_target


def named(*names: str) -> list[Outcome]:
    return [Outcome(text=name) for name in names]


def weighted(*weights: float) -> list[Outcome]:
    return [Outcome(text=f"o{i}", weight=weight) for i, weight in enumerate(weights)]


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ([], "has 0 outcomes"),
        (named("a"), "has 1 outcomes"),
        (named("a", ""), "outcome '' is empty"),
        (named("a", " \t"), r"outcome ' \\t' is empty"),
        (named("a", " b"), "outcome ' b' begins or ends with a blank"),
        (named("a", "b\n"), r"outcome 'b\\n' begins or ends with a blank"),
        (named("a", "b{c"), "outcome 'b{c' contains a brace"),
        (named("a", "}"), "outcome '}' contains a brace"),
        (named("a", "b\0c"), r"outcome 'b\S+x00c' contains a control character"),
        (named("a", "b\x1b[31m"), r"outcome 'b\S+x1b\[31m' contains a control character"),
        (named("a", "b\u200bc"), r"outcome 'b\S+u200bc' contains a control character"),
        (named("a", "b", "a"), "outcome 'a' is listed twice"),
        (named("caf\u00e9", "cafe\u0301"), "outcome 'caf\u00e9' is listed twice"),
        (weighted(1, -2), r"weight of outcome 'o1' is -2"),
        (weighted(math.nan, 1), "weight of outcome 'o0' is nan"),
        (weighted(1, math.inf), "weight of outcome 'o1' is inf"),
        (weighted(0, 0), "all weights are zero"),
        (weighted(1e308, 1e308), r"up to 1e\+308, are too large"),
        (
            [Outcome(text="a", value=1), Outcome(text="b")],
            "outcome 'b' has no value but others have",
        ),
        (
            [Outcome(text="a", value=1), Outcome(text="b", value=math.nan)],
            "value is not a finite number",
        ),
        ([Outcome(text="a", aliases=("x}",)), *named("b")], "alias 'x}' contains a brace"),
        ([Outcome(text="a", aliases=("",)), *named("b")], "alias '' is empty"),
    ],
)
def test_bad_outcomes_are_refused_by_name(outcomes: list[Outcome], message: str) -> None:
    with pytest.raises(TargetError, match=message) as caught:
        make_target(outcomes)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("mass", [0.0, -0.1, 1.000001, math.nan, math.inf])
def test_listed_mass_lies_in_0_to_1(mass: float) -> None:
    with pytest.raises(TargetError, match=rf"is {mass}; it must lie in \(0, 1]"):
        make_target(named("a", "b"), listed_mass=mass)


def test_a_bad_weight_is_named_before_the_mass_that_follows_from_it() -> None:
    with pytest.raises(TargetError, match="weight of outcome 'o0' is nan"):
        make_target(weighted(math.nan, 1), listed_mass=math.nan)


def test_target_keeps_what_it_was_given() -> None:
    target = make_target(
        [
            Outcome(text="cafe\u0301", weight=3, aliases=("cafe\u0301s",), value=1),
            Outcome(text="tea", weight=1, value=-2),
        ],
        listed_mass=0.5,
    )
    assert target == Target(
        outcomes=("caf\u00e9", "tea"),
        probabilities=(0.75, 0.25),
        aliases=(("caf\u00e9s",), ()),
        values=(1.0, -2.0),
        listed_mass=0.5,
    )
    assert target.size == 2


def test_uniform_ignores_weights() -> None:
    target = make_target(weighted(5, 0, 2, 1), uniform=True)
    assert target.probabilities == (0.25,) * 4
    assert target.entropy_nats == pytest.approx(math.log(4))


WEIGHTS = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=2, max_size=50
).filter(any)


@settings(deadline=None)
@given(WEIGHTS)
def test_probabilities_sum_to_1_and_have_scipys_entropy(weights: list[float]) -> None:
    target = make_target(weighted(*weights))
    assert math.fsum(target.probabilities) == pytest.approx(1, abs=1e-12)
    assert target.entropy_nats == pytest.approx(float(entropy(weights)), abs=1e-9)


@settings(deadline=None)
@given(WEIGHTS, st.floats(1e-9, 1e9))
def test_the_unit_of_the_weights_does_not_matter(weights: list[float], unit: float) -> None:
    scaled = make_target(weighted(*(weight * unit for weight in weights)))
    expected = make_target(weighted(*weights)).probabilities
    assert scaled.probabilities == pytest.approx(expected, rel=1e-12)


PAIR = Target(outcomes=("a", "b"), probabilities=(0.75, 0.25), aliases=(("x",), ()))

CHANGES: dict[str, Any] = {
    "outcomes": ("a", "c"),
    "probabilities": (0.75, math.nextafter(0.25, 1)),
    "aliases": ((), ("x",)),
    "values": (0.0, 1.0),
    "listed_mass": 0.5,
}


def test_hash_never_changes_between_versions() -> None:
    assert PAIR.sha256 == (
        "1a1bd2550855651043bce69314a66d2c0653e89a36484a00b7042bb50fd5048c"
    )


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Target)])
def test_hash_changes_with_every_field(field: str) -> None:
    changes: dict[str, Any] = {field: CHANGES[field]}
    assert dataclasses.replace(PAIR, **changes).sha256 != PAIR.sha256
