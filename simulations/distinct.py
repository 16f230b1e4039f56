"""How often the interval of `distinct_100` holds, from collapsed laws to flat ones.

python -m simulations.distinct
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np

from diffbench.metrics import FloatArray, distinct_interval

__all__ = ["LAWS", "coverage"]

SAMPLES = 1000
DRAWS = 100
REPLIES = (120, 200, 1000)


def _zipf(size: int, exponent: float) -> FloatArray:
    law = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(law / law.sum())


LAWS: Mapping[str, FloatArray] = {
    "one value": _zipf(1, 0),
    "99 % one value, 50 others": np.append(0.99, np.full(50, 0.01 / 50)),
    "95 % one value, 500 others": np.append(0.95, np.full(500, 0.05 / 500)),
    "3 alike": _zipf(3, 0),
    "12 alike": _zipf(12, 0),
    "100 alike": _zipf(100, 0),
    "400 alike": _zipf(400, 0),
    "5,000 alike": _zipf(5000, 0),
    "200, exponent 1.9": _zipf(200, 1.9),
    "1,000, exponent 1.5": _zipf(1000, 1.5),
    "2,000, exponent 1": _zipf(2000, 1.0),
}


def coverage(law: FloatArray, malformed: float, n: int, samples: int = SAMPLES) -> float:
    """Return the share of samples of n replies whose interval holds the truth."""
    rng = np.random.default_rng([n, law.size, round(1000 * malformed)])
    whole = np.append(law * (1.0 - malformed), malformed)
    truth = float((1.0 - (1.0 - whole[:-1]) ** DRAWS).sum())
    held = 0
    for _ in range(samples):
        found = distinct_interval(rng.multinomial(n, whole)[:-1], n, DRAWS)
        assert found is not None
        held += found.lo - 1e-9 <= truth <= found.hi + 1e-9
    return held / samples


def main() -> None:
    """Print a row a law and the least of all."""
    least = 1.0
    for name, law in LAWS.items():
        found = [coverage(law, m, n) for n in REPLIES for m in (0.0, 0.3)]
        least = min(least, *found)
        cells = "  ".join(f"{one:.3f}" for one in found)
        sys.stdout.write(f"{name:28} {cells}\n")
    sys.stdout.write(f"least {least:.3f}\n")


if __name__ == "__main__":
    main()
