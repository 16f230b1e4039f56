"""Copies are refused, whoever makes them; a collapsed model is not accused of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from diffbench.errors import ServerError
from diffbench.harness.server.probe import PROBE_CALLS, PROBE_PROMPTS
from diffbench.options import NoProgress
from diffbench.results import Independence, RunResult
from tests.harness.server.conftest import Measure
from tests.harness.server.faulty import Behaviour, Call, Faulty, Response, chat, honest


def always_the_same(call: Call) -> Response:
    return chat("abcdefgh")


def greedy(call: Call) -> Response:
    """The reply depends on the prompt alone, as it does where nothing is drawn."""
    return chat("reply to " + call.prompt)


def cached(n_caches: int) -> Behaviour:
    """Behind caches that look at the prompt alone, each call meets one of them."""
    kept: dict[tuple[str, int], Response] = {}

    def answer(call: Call) -> Response:
        place = call.prompt, random.Random(call.number).randrange(n_caches)
        return kept.setdefault(place, honest(call))

    return answer


@pytest.mark.parametrize(
    "behaviour",
    [always_the_same, greedy, cached(1), cached(3)],
    ids=["always the same", "greedy", "one cache", "three caches"],
)
def test_copies_stop_the_run_before_anything_is_measured(
    behaviour: Behaviour, server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    server.behaviour = behaviour
    with pytest.raises(ServerError, match="are copies of another: it caches replies"):
        measure()
    assert server.measured == []
    assert len(server.probes) == len(PROBE_PROMPTS) * PROBE_CALLS
    assert not (tmp_path / "out").exists()


def test_copies_stop_a_run_that_goes_on_too(server: Faulty, measure: Measure) -> None:
    def dies(call: Call) -> Response:
        return honest(call) if call.number < 20 else Response(status=401)

    server.behaviour = dies
    with pytest.raises(ServerError, match="refuses the key"):
        measure()
    n_before = len(server.measured)
    server.behaviour = always_the_same
    with pytest.raises(ServerError, match="copies"):
        measure(resume=True)
    assert len(server.measured) == n_before


def _independence(result: RunResult) -> Independence:
    assert result.run.independence is not None
    return result.run.independence


def test_a_model_collapsed_on_the_task_is_not_accused(
    server: Faulty, measure: Measure
) -> None:
    def collapsed(call: Call) -> Response:
        return honest(call) if call.is_probe else chat("{Wednesday}")

    server.behaviour = collapsed
    result = measure()
    assert result.overall.metrics["overlap"].value == pytest.approx(1 / 7)
    assert _independence(result).verdict == "shown"


@pytest.mark.parametrize("n_favourites", [1, 2])
def test_a_model_with_a_favourite_answer_to_a_probe_is_not_accused(
    n_favourites: int, server: Faulty, measure: Measure
) -> None:
    """It may refuse to play with letters, or know one story only."""

    def fond(call: Call) -> Response:
        if call.prompt in PROBE_PROMPTS[:n_favourites]:
            return chat("I am a serious assistant and do not play with letters.")
        return honest(call)

    server.behaviour = fond
    found = _independence(measure())
    assert found.verdict == "shown"
    assert found.probe_calls == PROBE_CALLS * (n_favourites + 1)
    assert found.probe_copies == (PROBE_CALLS - 1) * n_favourites


def test_a_few_copies_are_told_and_not_hidden(server: Faulty, measure: Measure) -> None:
    class Listener(NoProgress):
        def doubt(self, sentence: str) -> None:
            heard.append(sentence)

    def partly(call: Call) -> Response:
        return chat("the same") if call.number % 4 == 0 else honest(call)

    heard: list[str] = []
    server.behaviour = partly
    found = _independence(measure(Listener()))
    assert found.verdict == "unproven"
    assert 0 < found.probe_copies < found.probe_calls / 2
    (sentence,) = heard
    assert f"{found.probe_copies} of {found.probe_calls} replies" in sentence


def test_replies_served_twice_in_a_row_are_found_by_their_order(
    server: Faulty, measure: Measure
) -> None:
    """The tests before the run see nothing, since they ask for other things."""
    last: dict[str, Response] = {}

    def twice(call: Call) -> Response:
        if call.is_probe:
            return honest(call)
        kept = last.pop(call.prompt, None)
        if kept is None:
            last[call.prompt] = kept = honest(call)
        return kept

    server.behaviour = twice
    found = _independence(measure(samples=200, concurrency=1))
    assert found.verdict == "unproven"
    assert found.probe_copies == 0
    assert found.repeats_p is not None and found.repeats_p < 1e-6
