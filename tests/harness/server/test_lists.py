"""Several draws in one reply, behind a chat API: kept, resumed, and read draw by draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffbench.errors import ServerError
from diffbench.results import load_results, verify_result
from tests.harness.server.conftest import Measure
from tests.harness.server.faulty import Call, Faulty, Response, chat, error, honest

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LISTS = {"protocol": "list", "draws_per_reply": 4, "samples": 60}


def four_days(call: Call) -> Response:
    """Draw four days as the seed says; every tenth reply stops after three."""
    if call.is_probe:
        return honest(call)
    rng = np.random.default_rng(call.body["seed"])
    drawn = rng.choice(DAYS, 3 if rng.random() < 0.1 else 4)
    return chat("\n".join(f"{i}. {{{day}}}" for i, day in enumerate(drawn, start=1)))


def test_every_reply_holds_several_draws(
    server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    server.behaviour = four_days
    result = measure(**LISTS)
    assert len(server.measured) == 60
    assert all("Do this 4 times" in call.prompt for call in server.measured)
    (prompt,) = result.tasks[0].prompts
    assert result.settings.protocol == "list"
    short = int(prompt.invalid["too_few"])
    assert 0 < short < 20
    assert sum(prompt.counts or []) == 240 - short
    assert prompt.metrics["valid_mass"].value == pytest.approx(1 - short / 240)
    assert prompt.metrics["overlap"].n == 60
    assert verify_result(load_results(tmp_path / "out")) == []


def test_an_interrupted_run_goes_on_to_the_same_draws(
    server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    server.behaviour = four_days
    whole = measure(**LISTS, output=tmp_path / "whole")
    n = len(server.calls)
    server.behaviour = lambda call: (
        four_days(call) if call.number < n + 40 else error(401, "revoked")
    )
    with pytest.raises(ServerError):
        measure(**LISTS)
    server.behaviour = four_days
    assert measure(**LISTS, resume=True).tasks == whole.tasks
