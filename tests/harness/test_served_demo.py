"""Through a real chat server, the demo model shows its own exact distribution."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from diffbench.api import run
from diffbench.errors import ServerError
from diffbench.options import RunOptions
from diffbench.results import verify_result
from diffbench.results.distribution import mean_distribution
from tests.harness.served import GREEDY, SAMPLING, served_demo

pytestmark = pytest.mark.xdist_group("served")

TASK = "diffbench_dates_weekday"
N = 400


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_demo(tmp_path_factory.mktemp("served")) as address:
        yield address


def test_replies_of_a_server_follow_the_exact_distribution(
    url: str, tmp_path: Path
) -> None:
    """Each share within five standard errors; all together not rejected at 1e-3.

    One call at a time, so that the server's draws follow from the seeds alone and the
    test has one outcome. At temperature 1.3 it fails.
    """
    sampled = run(
        RunOptions(
            model=f"api:{SAMPLING}@{url}",
            tasks=(TASK,),
            samples=N,
            limit=1,
            max_new_tokens=12,
            concurrency=1,
            output=tmp_path / "api",
        )
    )
    assert verify_result(sampled) == []
    assert sampled.run.independence is not None
    assert sampled.run.independence.verdict == "shown"
    exact = run(RunOptions(model="demo", tasks=(TASK,), limit=1, output=tmp_path / "x"))
    q, shares = mean_distribution(exact.tasks[0]), mean_distribution(sampled.tasks[0])
    errors = 5 * np.sqrt(q * (1 - q) / N) + 5 / N
    np.testing.assert_array_less(np.abs(shares - q), errors)

    often = q * N >= 5
    drawn = np.append(shares[often], 1 - shares[often].sum()) * N
    expected = np.append(q[often], 1 - q[often].sum()) * N
    assert often.sum() >= 3
    assert chisquare(drawn, expected).pvalue > 1e-3


def test_a_server_that_does_not_sample_is_refused(url: str, tmp_path: Path) -> None:
    options = RunOptions(
        model=f"api:{GREEDY}@{url}", tasks=(TASK,), samples=5, output=tmp_path / "out"
    )
    with pytest.raises(ServerError, match="or does not sample"):
        run(options)
