"""Biographies behind a chat API: kept, resumed, and read to their sixth brace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffbench.errors import ServerError
from diffbench.results import load_results, verify_result
from tests.harness.made_up import person
from tests.harness.server.conftest import Measure
from tests.harness.server.faulty import Call, Faulty, Response, chat, error, honest

N = 40
TASKS = ("diffbench_biographies",)


def somebody(call: Call) -> Response:
    """Answer as the seed says, and go on talking behind the sixth brace."""
    if call.is_probe:
        return honest(call)
    rng = np.random.default_rng(call.body["seed"])
    return chat(person(rng) + "\n\nShall I write about somebody else? {yes}")


def test_an_interrupted_run_goes_on_to_the_same_people(
    server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    server.behaviour = somebody
    whole = measure(tasks=TASKS, samples=N, output=tmp_path / "whole")
    assert {call.body["max_tokens"] for call in server.measured} == {256}
    server.behaviour = lambda call: (
        somebody(call) if call.number < 90 else error(401, "revoked")
    )
    with pytest.raises(ServerError):
        measure(tasks=TASKS, samples=N)
    server.behaviour = somebody
    resumed = measure(tasks=TASKS, samples=N, resume=True)
    assert resumed.biographies == whole.biographies
    (prompt,) = resumed.biographies[0].prompts
    assert prompt.metrics["well_formed"].value == 1
    assert all(reply.count("}") == 6 for reply in prompt.replies)
    assert verify_result(load_results(tmp_path / "out")) == []


def test_without_being_told_a_prompt_gets_200_replies(
    server: Faulty, measure: Measure
) -> None:
    server.behaviour = somebody
    result = measure(tasks=TASKS, samples=None)
    assert result.biographies[0].samples == 200
    assert len(server.measured) == 200
    assert "--samples" not in result.run.command


def test_a_server_that_sends_one_person_twice_in_a_row_is_doubted(
    server: Faulty, measure: Measure
) -> None:
    held: dict[int, Response] = {}

    def copying(call: Call) -> Response:
        if call.is_probe:
            return honest(call)
        return held.setdefault((call.number) // 2, somebody(call))

    server.behaviour = copying
    found = measure(tasks=TASKS, samples=60, concurrency=1).run.independence
    assert found is not None
    assert found.verdict == "unproven"
    assert found.equal_neighbours is not None and found.equal_neighbours > 20
