"""Ways to estimate the overlap from replies, side by side: why one was chosen.

python -m simulations.estimators [--write]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click
import numpy as np
from scipy.stats import binom

from diffbench.metrics import FloatArray, IntArray, perfect_overlap
from diffbench.metrics.functionals import fitted_metrics
from diffbench.metrics.mixture import fit_counts
from simulations.models import LAWS, TARGETS, model, put_table, target

__all__ = ["ESTIMATORS", "choice_table"]

GRID = ((10, 100), (200, 100), (200, 1000), (2000, 1000))
REPEATS = 24

Estimator = Callable[[FloatArray, IntArray, int], float]


def plug_in(p: FloatArray, counts: IntArray, n: int) -> float:
    """Return the overlap of counts / N."""
    return float(np.minimum(p, counts / n).sum())


def excess(p: FloatArray, counts: IntArray, n: int) -> float:
    """Return 1 less the excess of 1 - overlap over a perfect sampler's."""
    return plug_in(p, counts, n) + 1.0 - perfect_overlap(p, n)


def bootstrapped(p: FloatArray, counts: IntArray, n: int) -> float:
    """Take away the bias that a model of counts / N would have."""
    return plug_in(p, counts, n) - _bias(p, counts / n, n)


def shrunk(p: FloatArray, counts: IntArray, n: int) -> float:
    """Take away the bias of counts / N moved towards the target (James and Stein)."""
    q = counts / n
    centre = p * q.sum()
    noise = float((q * (1.0 - q) / (n * p)).sum())
    weight = min(1.0, noise / max(float((np.square(q - centre) / p).sum()), 1e-300))
    return plug_in(p, counts, n) - _bias(p, (1.0 - weight) * q + weight * centre, n)


def fitted(p: FloatArray, counts: IntArray, n: int) -> float:
    """Return the estimate that DiffBench gives."""
    fit = fit_counts(p, n * p, counts[None])
    return float(fitted_metrics(p, counts[None], n, fit, 1.0)["overlap"][0])


ESTIMATORS: Mapping[str, Estimator] = {
    "plug-in": plug_in,
    "1 - excess TV": excess,
    "parametric bootstrap": bootstrapped,
    "the same, shrunk": shrunk,
    "fitted ratios": fitted,
}


def _bias(p: FloatArray, q: FloatArray, n: int) -> float:
    """Return E sum min(p, X / N) - sum min(p, q), X binomial (N, q)."""
    at_most = np.floor(p * n * (1 + 1e-12))
    mean = p * binom.sf(at_most, n, q) + q * binom.cdf(at_most - 1, n - 1, q)
    return float((mean - np.minimum(p, q)).sum())


def choice_table() -> list[str]:
    """Return the mean error of each way that is largest over targets, in Markdown."""
    laws = [law for law in LAWS if not law.endswith("invalid")]
    lines = [
        "| K, N | estimator | " + " | ".join(laws) + " |",
        "|---|---|" + "---|" * len(laws),
    ]
    for size, n in GRID:
        errors = {law: _errors(size, n, law) for law in laws}
        for name in ESTIMATORS:
            cells = [f"{errors[law][name]:+.3f}" for law in laws]
            lines.append(f"| {size}, {n} | {name} | " + " | ".join(cells) + " |")
    return lines


def _errors(size: int, n: int, law: str) -> dict[str, float]:
    """Return each estimator's mean error, that of the target where it is larger."""
    found: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    for kind in TARGETS:
        p = target(kind, size)
        rng = np.random.default_rng([size, n, *f"{kind}, {law}".encode()])
        errors: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
        for _ in range(REPEATS):
            q = model(p, law, rng)
            counts = rng.multinomial(n, q / q.sum())
            for name, estimate in ESTIMATORS.items():
                value = min(max(estimate(p, counts, n), 0.0), 1.0)
                errors[name].append(value - float(np.minimum(p, q).sum()))
        for name, one in errors.items():
            found[name].append(float(np.mean(one)))
    return {name: max(means, key=abs) for name, means in found.items()}


@click.command()
@click.option("--write", is_flag=True, help="Put the table into docs/statistics.md.")
def main(*, write: bool) -> None:
    """Compare ways to estimate the overlap, and print a table."""
    lines = choice_table()
    click.echo("\n".join(lines))
    if write:
        put_table("choice", lines)


if __name__ == "__main__":
    main()
