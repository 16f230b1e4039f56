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
from diffbench.metrics.ceilings import perfect_overlap
from diffbench.metrics.checks import (
    FloatArray,
    IntArray,
    as_counts,
    as_distribution,
    as_log_subdistribution,
    as_subdistribution,
)
from diffbench.metrics.corrected import CorrectedOverlap, corrected_overlap
from diffbench.metrics.coverage import expected_coverage, rarefied_coverage
from diffbench.metrics.definitions import (
    COVERAGE_DRAWS,
    METRICS,
    METRICS_BY_NAME,
    PRIMARY_METRIC,
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
from diffbench.metrics.estimate import Estimate, IntervalBounds, estimate_counts
from diffbench.metrics.extremes import TopRatio, top_ratio
from diffbench.metrics.normalise import invalid_mass, log_renormalise, renormalise
from diffbench.metrics.summary import measure_counts, measure_probabilities
from diffbench.metrics.transport import wasserstein
from diffbench.metrics.value import MetricValue, aggregate

__all__ = [
    "COVERAGE_DRAWS",
    "METRICS",
    "METRICS_BY_NAME",
    "PRIMARY_METRIC",
    "CorrectedOverlap",
    "Direction",
    "Estimate",
    "Explored",
    "FloatArray",
    "IntArray",
    "IntervalBounds",
    "MetricDefinition",
    "MetricValue",
    "TargetArrays",
    "TopRatio",
    "Unit",
    "aggregate",
    "as_counts",
    "as_distribution",
    "as_log_subdistribution",
    "as_subdistribution",
    "corrected_overlap",
    "effective_outcomes",
    "entropy",
    "entropy_bounds",
    "entropy_ratio",
    "estimate_counts",
    "expected_coverage",
    "hellinger",
    "invalid_mass",
    "js",
    "kl",
    "kl_reverse_valid",
    "log_renormalise",
    "measure_counts",
    "measure_probabilities",
    "overlap",
    "overlap_bounds",
    "perfect_overlap",
    "rarefied_coverage",
    "renormalise",
    "top_ratio",
    "valid_mass_bounds",
    "wasserstein",
]
