"""What each metric is called, means and may be: the one table all displays read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

__all__ = [
    "COVERAGE_DRAWS",
    "METRICS",
    "METRICS_BY_NAME",
    "PRIMARY_METRIC",
    "SAMPLED_METRICS",
    "Direction",
    "MetricDefinition",
    "Unit",
]

Direction: TypeAlias = Literal["higher", "lower", "near_one", "near_target", "none"]
Unit: TypeAlias = Literal["", "nats", "outcomes", "values"]

PRIMARY_METRIC: Final = "overlap"
COVERAGE_DRAWS: Final = (100, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """One metric as it is shown to people.

    Attributes:
        name: Key in result files.
        title: Name in running text.
        short: Name in a narrow table header.
        unit: Unit of its values; '' for none, 'values' for that of the outcomes.
        direction: Which values are better; near_target means near the value that
            the target distribution itself has.
        lowest: Least possible value.
        highest: Greatest possible value, None if it depends on the target.
        formula: Definition in one line; p target, q model, q~ renormalised model, _|_
            the invalid outcome, K the number of outcomes.
        meaning: One sentence for a reader of results.
        reference: Where the definition comes from.
    """

    name: str
    title: str
    short: str
    unit: Unit
    direction: Direction
    lowest: float
    highest: float | None
    formula: str
    meaning: str
    reference: str


_DISTANCES = (
    MetricDefinition(
        name="overlap",
        title="Overlap",
        short="overlap",
        unit="",
        direction="higher",
        lowest=0.0,
        highest=1.0,
        formula="sum_k min(m p[k], q[k]) / m, m the listed mass (else 1)",
        meaning="The share of replies that already fall as the target asks; "
        "invalid replies count against it.",
        reference="Levin and Peres 2017, section 4.1 (1 - total variation)",
    ),
    MetricDefinition(
        name="overlap_valid",
        title="Overlap of valid replies",
        short="overlap valid",
        unit="",
        direction="higher",
        lowest=0.0,
        highest=1.0,
        formula="sum_k min(p[k], q~[k])",
        meaning="The overlap that the valid replies have among themselves, "
        "however few they are.",
        reference="Levin and Peres 2017, section 4.1 (1 - total variation)",
    ),
    MetricDefinition(
        name="valid_mass",
        title="Valid mass",
        short="valid",
        unit="",
        direction="higher",
        lowest=0.0,
        highest=1.0,
        formula="sum_k q[k]",
        meaning="The probability that a reply is one of the listed outcomes; where "
        "the list is cut, compare it with the listed mass.",
        reference="DiffBench",
    ),
)

_SPREAD = (
    MetricDefinition(
        name="entropy",
        title="Entropy of valid replies",
        short="entropy",
        unit="nats",
        direction="near_target",
        lowest=0.0,
        highest=None,
        formula="-sum_k q~[k] ln q~[k]",
        meaning="How spread out the valid replies are; more than the target's "
        "entropy is as wrong as less.",
        reference="Shannon 1948",
    ),
    MetricDefinition(
        name="entropy_ratio",
        title="Entropy ratio",
        short="H ratio",
        unit="",
        direction="near_one",
        lowest=0.0,
        highest=None,
        formula="H(q~) / H(p)",
        meaning="The entropy of valid replies as a multiple of the target's: below "
        "1 is too concentrated, above 1 too spread out.",
        reference="Pielou 1966 (evenness, for uniform targets)",
    ),
)

_DIVERGENCES = (
    MetricDefinition(
        name="kl",
        title="KL divergence from the target",
        short="KL",
        unit="nats",
        direction="lower",
        lowest=0.0,
        highest=None,
        formula="sum_k p[k] ln(p[k] / q[k])",
        meaning="The extra surprise of target draws under the model, which grows "
        "with outcomes the model neglects and with invalid mass.",
        reference="Kullback and Leibler 1951",
    ),
    MetricDefinition(
        name="kl_reverse_valid",
        title="Reverse KL divergence of valid replies",
        short="KL rev.",
        unit="nats",
        direction="lower",
        lowest=0.0,
        highest=None,
        formula="sum_k q~[k] ln(q~[k] / p[k])",
        meaning="The extra surprise of valid replies under the target, which grows "
        "with outcomes the model favours too much.",
        reference="Kullback and Leibler 1951",
    ),
    MetricDefinition(
        name="js",
        title="Jensen-Shannon divergence",
        short="JS",
        unit="nats",
        direction="lower",
        lowest=0.0,
        highest=log(2.0),
        formula="KL(p || a)/2 + KL(q || a)/2, a = (p + q)/2, over K outcomes and _|_",
        meaning="A bounded, symmetric divergence of model and target; ln 2 where "
        "they share nothing.",
        reference="Lin 1991",
    ),
    MetricDefinition(
        name="js_valid",
        title="Jensen-Shannon divergence of valid replies",
        short="JS valid",
        unit="nats",
        direction="lower",
        lowest=0.0,
        highest=log(2.0),
        formula="KL(p || a)/2 + KL(q~ || a)/2, a = (p + q~)/2",
        meaning="The Jensen-Shannon divergence that the valid replies have among "
        "themselves.",
        reference="Lin 1991",
    ),
    MetricDefinition(
        name="hellinger",
        title="Hellinger distance",
        short="Hellinger",
        unit="",
        direction="lower",
        lowest=0.0,
        highest=1.0,
        formula="sqrt(sum (sqrt p - sqrt q)^2 / 2), over K outcomes and _|_",
        meaning="A bounded distance of model and target that weighs rare outcomes "
        "more than overlap does.",
        reference="Gibbs and Su 2002",
    ),
    MetricDefinition(
        name="hellinger_valid",
        title="Hellinger distance of valid replies",
        short="Hellinger valid",
        unit="",
        direction="lower",
        lowest=0.0,
        highest=1.0,
        formula="sqrt(sum_k (sqrt p[k] - sqrt q~[k])^2 / 2)",
        meaning="The Hellinger distance that the valid replies have among themselves.",
        reference="Gibbs and Su 2002",
    ),
)


def _coverage(n: int) -> MetricDefinition:
    return MetricDefinition(
        name=f"coverage_{n}",
        title=f"Coverage in {n} draws",
        short=f"cov. {n}",
        unit="",
        direction="near_target",
        lowest=0.0,
        highest=1.0,
        formula=f"mean_k (1 - (1 - q[k])^{n})",
        meaning=f"The share of the outcomes that {n} replies are expected to show "
        "at least once.",
        reference="Hurlbert 1971; Smith and Grassle 1977",
    )


def _coverage_ratio(n: int) -> MetricDefinition:
    return MetricDefinition(
        name=f"coverage_ratio_{n}",
        title=f"Coverage ratio in {n} draws",
        short=f"cov. ratio {n}",
        unit="",
        direction="near_one",
        lowest=0.0,
        highest=None,
        formula=f"coverage_{n}(q) / coverage_{n}(p)",
        meaning=f"The share of the outcomes that {n} replies show, as a multiple of "
        "what a perfect sampler would show.",
        reference="Hurlbert 1971; Smith and Grassle 1977",
    )


_COUNTS = (
    *map(_coverage, COVERAGE_DRAWS),
    *map(_coverage_ratio, COVERAGE_DRAWS),
    MetricDefinition(
        name="effective_outcomes",
        title="Effective number of outcomes",
        short="eff. outcomes",
        unit="outcomes",
        direction="near_target",
        lowest=1.0,
        highest=None,
        formula="exp(H(q~))",
        meaning="How many equally likely outcomes would be as spread out as the "
        "valid replies.",
        reference="Hill 1973",
    ),
    MetricDefinition(
        name="top_ratio",
        title="Largest over-draw",
        short="top ratio",
        unit="",
        direction="near_one",
        lowest=0.0,
        highest=None,
        formula="max over p[k] > 0 of q[k] / p[k]",
        meaning="How many times too often the most over-drawn outcome comes up.",
        reference="van Erven and Harremoes 2014 (exp of order-infinity divergence)",
    ),
    MetricDefinition(
        name="wasserstein",
        title="Wasserstein distance of valid replies",
        short="W1",
        unit="values",
        direction="lower",
        lowest=0.0,
        highest=None,
        formula="integral of |F_p(x) - F_q~(x)| dx over the outcomes' values",
        meaning="How far, on average, valid replies would have to be moved along "
        "the scale to match the target.",
        reference="Vallender 1974",
    ),
)

_SAMPLE_ONLY = (
    MetricDefinition(
        name="unseen_mass",
        title="Unseen mass",
        short="unseen",
        unit="",
        direction="none",
        lowest=0.0,
        highest=1.0,
        formula="f_1 / N, f_1 the number of outcomes drawn once",
        meaning="The probability that the next reply is a listed outcome that no reply "
        "has been yet.",
        reference="Good 1953",
    ),
    MetricDefinition(
        name="entropy_miller_madow",
        title="Entropy by Miller and Madow",
        short="H M-M",
        unit="nats",
        direction="near_target",
        lowest=0.0,
        highest=None,
        formula="H(counts / N) + (S - 1) / (2 N), S the number of outcomes drawn",
        meaning="The entropy of valid replies with its first-order bias taken away; "
        "none where a tenth of the mass is unseen.",
        reference="Miller 1955",
    ),
    MetricDefinition(
        name="entropy_chao_shen",
        title="Entropy by Chao and Shen",
        short="H C-S",
        unit="nats",
        direction="near_target",
        lowest=0.0,
        highest=None,
        formula="-sum_k C p[k] ln(C p[k]) / (1 - (1 - C p[k])^N), "
        "p = counts / N, C = 1 - f_1 / N",
        meaning="The entropy of valid replies with unseen outcomes allowed for, the "
        "number of outcomes not used.",
        reference="Chao and Shen 2003",
    ),
)

METRICS: Final[tuple[MetricDefinition, ...]] = (
    *_DISTANCES,
    *_SPREAD,
    *_DIVERGENCES,
    *_COUNTS,
)
SAMPLED_METRICS: Final[tuple[MetricDefinition, ...]] = _SAMPLE_ONLY
"""What sampled values have beside METRICS, from counts alone."""

METRICS_BY_NAME: Final[Mapping[str, MetricDefinition]] = MappingProxyType(
    {metric.name: metric for metric in METRICS}
)
