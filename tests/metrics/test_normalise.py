from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from diffbench.metrics import (
    FloatArray,
    invalid_mass,
    log_renormalise,
    renormalise,
)
from tests.metrics.strategies import distributions, subdistributions


def test_renormalise_keeps_proportions() -> None:
    np.testing.assert_allclose(renormalise([0.1, 0.3]), [0.25, 0.75], rtol=1e-15)


@given(subdistributions(min_mass=1e-9))
def test_renormalise_sums_to_1_and_is_idempotent(q: FloatArray) -> None:
    valid = renormalise(q)
    assert valid.sum() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(renormalise(valid), valid, rtol=1e-14)


@given(subdistributions(min_mass=1e-9, zeros=False))
def test_both_forms_agree(q: FloatArray) -> None:
    np.testing.assert_allclose(
        np.exp(log_renormalise(np.log(q))), renormalise(q), rtol=1e-12
    )


def test_logs_far_below_underflow_keep_their_shape() -> None:
    log_valid = log_renormalise([-2000.0, -2000.0 + np.log(3.0), -np.inf])
    np.testing.assert_allclose(np.exp(log_valid), [0.25, 0.75, 0.0], rtol=1e-12)


def test_no_valid_mass_is_refused() -> None:
    with pytest.raises(ValueError, match="valid mass is 0"):
        renormalise([0.0, 0.0])
    with pytest.raises(ValueError, match="valid mass is 0"):
        log_renormalise([-np.inf, -np.inf])


@given(distributions())
def test_a_distribution_has_no_invalid_mass_at_all(p: FloatArray) -> None:
    assert invalid_mass(p) == 0.0


def test_invalid_mass_is_the_rest() -> None:
    assert invalid_mass([0.25, 0.25]) == 0.5
    assert invalid_mass([0.0]) == 1.0
    assert invalid_mass([1.0 - 1e-9]) == pytest.approx(1e-9, rel=1e-6, abs=0.0)
