"""How close a model's draws are to the distribution it was asked for.

Pure functions of numpy arrays; they know nothing of models, tasks or files.

Notation, the same in every module:
    K            number of listed outcomes
    p            target probabilities, shape (K,), summing to 1
    q            model probabilities, shape (K,), summing to at most 1
    _|_          the invalid outcome: everything else; target 0, model 1 - sum(q)
    q_valid, q~  q / sum(q), the model given that its reply is valid
    m            listed mass: what the true target gives the K outcomes, in (0, 1];
                 p is already divided by it
    N, n         number of replies at hand; number of draws asked about

Logarithms are natural and entropies are in nats.
"""

from __future__ import annotations

from diffbench.metrics.arrays import TargetArrays
from diffbench.metrics.bounds import (
    Explored,
    entropy_bounds,
    overlap_bounds,
    valid_mass_bounds,
)
from diffbench.metrics.ceilings import (
    perfect_metrics,
    perfect_overlap,
    perfect_wasserstein,
)
from diffbench.metrics.checks import (
    FloatArray,
    IntArray,
    as_counts,
    as_distribution,
    as_log_subdistribution,
    as_subdistribution,
)
from diffbench.metrics.corrected import Corrected, corrected_metrics, corrected_overlap
from diffbench.metrics.coverage import expected_coverage, rarefied_coverage
from diffbench.metrics.definitions import (
    COVERAGE_DRAWS,
    METRICS,
    METRICS_BY_NAME,
    PRIMARY_METRIC,
    SAMPLED_METRICS,
    Direction,
    MetricDefinition,
    Unit,
)
from diffbench.metrics.divergence import (
    hellinger,
    js,
    kl,
    kl_reverse_valid,
    overlap,
)
from diffbench.metrics.entropy import effective_outcomes, entropy, entropy_ratio
from diffbench.metrics.estimate import Estimate, estimate_counts, metric_bounds
from diffbench.metrics.extremes import TopRatio, top_ratio
from diffbench.metrics.fit import FitTests, fit_tests, multinomial_p, ordered_p
from diffbench.metrics.intervals import (
    ConfidenceInterval,
    binomial_interval,
    family_interval,
)
from diffbench.metrics.lists import EqualPairs, equal_pairs, one_draw_a_reply
from diffbench.metrics.normalise import invalid_mass, log_renormalise, renormalise
from diffbench.metrics.order import (
    Neighbours,
    equal_neighbours,
    expected_neighbours,
    repeats_p,
)
from diffbench.metrics.peer_ks import PEER_DRAWS, PeerKs, peer_ks
from diffbench.metrics.richness import (
    distinct_interval,
    jackknife_variance,
    rarefied_distinct,
)
from diffbench.metrics.summary import measure_counts, measure_probabilities
from diffbench.metrics.transport import wasserstein
from diffbench.metrics.unseen import (
    entropy_chao_shen,
    entropy_miller_madow,
    unseen_mass,
)
from diffbench.metrics.value import MetricValue, aggregate
from diffbench.metrics.words import distinct_ngrams, unigram_diversity, words

__all__ = [
    "COVERAGE_DRAWS",
    "METRICS",
    "METRICS_BY_NAME",
    "PEER_DRAWS",
    "PRIMARY_METRIC",
    "SAMPLED_METRICS",
    "ConfidenceInterval",
    "Corrected",
    "Direction",
    "EqualPairs",
    "Estimate",
    "Explored",
    "FitTests",
    "FloatArray",
    "IntArray",
    "MetricDefinition",
    "MetricValue",
    "Neighbours",
    "PeerKs",
    "TargetArrays",
    "TopRatio",
    "Unit",
    "aggregate",
    "as_counts",
    "as_distribution",
    "as_log_subdistribution",
    "as_subdistribution",
    "binomial_interval",
    "corrected_metrics",
    "corrected_overlap",
    "distinct_interval",
    "distinct_ngrams",
    "effective_outcomes",
    "entropy",
    "entropy_bounds",
    "entropy_chao_shen",
    "entropy_miller_madow",
    "entropy_ratio",
    "equal_neighbours",
    "equal_pairs",
    "estimate_counts",
    "expected_coverage",
    "expected_neighbours",
    "family_interval",
    "fit_tests",
    "hellinger",
    "invalid_mass",
    "jackknife_variance",
    "js",
    "kl",
    "kl_reverse_valid",
    "log_renormalise",
    "measure_counts",
    "measure_probabilities",
    "metric_bounds",
    "multinomial_p",
    "one_draw_a_reply",
    "ordered_p",
    "overlap",
    "overlap_bounds",
    "peer_ks",
    "perfect_metrics",
    "perfect_overlap",
    "perfect_wasserstein",
    "rarefied_coverage",
    "rarefied_distinct",
    "renormalise",
    "repeats_p",
    "top_ratio",
    "unigram_diversity",
    "unseen_mass",
    "valid_mass_bounds",
    "wasserstein",
    "words",
]
