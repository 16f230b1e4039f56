"""What is sent to a server, and what a run keeps of it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from diffbench.errors import ModelError, ServerError
from diffbench.harness.server.calls import PATIENCE
from diffbench.harness.server.failures import Server
from diffbench.harness.server.lm import ChatLM
from diffbench.harness.server.probe import PROBE_CALLS
from diffbench.harness.server.seeds import SEEDS, call_seed
from diffbench.options import NoProgress
from diffbench.results import load_results, verify_result
from diffbench.results.journal import ReplyJournal
from tests.harness.server.conftest import WEEKDAY, Measure
from tests.harness.server.faulty import KEY, Call, Faulty, Response, chat, error, honest

SECRET = "a-secret-in-the-query"


def test_each_call_has_its_own_seed_and_nothing_that_bends_the_draw(
    server: Faulty, measure: Measure
) -> None:
    measure(samples=50)
    assert (len(server.probes), len(server.measured)) == (PROBE_CALLS, 50)
    seeds = [call.body["seed"] for call in server.calls]
    assert len(set(seeds)) == len(seeds) and 1234 not in seeds
    for call in server.measured:
        assert call.path == "/v1/chat/completions"
        assert call.headers["Authorization"] == f"Bearer {KEY}"
        assert {k: v for k, v in call.body.items() if k not in ("seed", "messages")} == {
            "model": "some-model",
            "max_tokens": 64,
            "temperature": 1.0,
            "top_p": 1.0,
        }
        (message,) = call.body["messages"]
        assert message["role"] == "user" and "day of the week" in message["content"]
    for call in server.probes:
        assert "stop" not in call.body and call.body["temperature"] == 2.0


def test_settings_are_sent_where_they_are_asked_for(
    server: Faulty, measure: Measure
) -> None:
    asked = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05}
    measure(samples=1, max_new_tokens=9, **asked)
    (call,) = server.measured
    assert call.body.items() >= {**asked, "max_tokens": 9}.items()


def test_the_file_says_how_it_was_measured_and_holds_no_secret(
    server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    measure(model=f"api:some-model@{server.url}/chat/completions?key={SECRET}")
    assert {call.path for call in server.calls} == {f"/v1/chat/completions?key={SECRET}"}
    result = load_results(tmp_path / "out")
    assert verify_result(result) == []
    assert result.model.spec == f"api:some-model@{server.url}"
    assert (result.model.parameters, result.model.tokenizer_sha256) == (None, None)
    assert result.settings.thinking == "unknown"
    (task,) = result.tasks
    assert (task.name, task.estimator) == (f"{WEEKDAY}_sampled", "sampled")
    assert result.run.independence is not None
    found = result.run.independence
    assert (found.verdict, found.seeds) == ("shown", "one_a_call")
    assert (found.probe_calls, found.probe_copies) == (PROBE_CALLS, 0)
    assert (found.repeated_ids, found.equal_neighbours) == (
        0,
        task.prompts[0].equal_neighbours,
    )
    for path in (tmp_path / "out").rglob("*"):
        content = path.read_bytes()
        assert KEY.encode() not in content and SECRET.encode() not in content


def test_a_hundred_replies_a_prompt_are_said_before_the_first_call(
    server: Faulty, measure: Measure
) -> None:
    class Listener(NoProgress):
        def calls(self, n_calls: int, n_kept: int, n_probes: int) -> None:
            heard.append((n_calls, n_kept, n_probes, len(server.calls)))

    heard: list[Any] = []
    result = measure(Listener(), samples=None)
    assert heard == [(100, 0, PROBE_CALLS, 0)]
    assert result.settings.samples == 100


def test_calls_are_made_at_the_same_time_and_no_more_than_asked(
    server: Faulty, measure: Measure
) -> None:
    def slow(call: Call) -> Response:
        time.sleep(0.02)
        return honest(call)

    server.behaviour = slow
    measure(concurrency=3)
    assert server.most_at_once == 3


def test_without_a_key_none_is_sent(
    server: Faulty, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    measure(samples=1)
    assert all("Authorization" not in call.headers for call in server.calls)


def test_a_server_without_seeds_gets_none(server: Faulty, measure: Measure) -> None:
    def seedless(call: Call) -> Response:
        if "seed" in call.body:
            return error(400, "Unknown parameter: 'seed'")
        return honest(call)

    server.behaviour = seedless
    result = measure()
    assert sum("seed" in call.body for call in server.calls) == 1
    assert result.run.independence is not None
    assert result.run.independence.seeds == "none_sent"


def test_the_newer_name_of_the_length_is_sent_where_the_older_is_refused(
    server: Faulty, measure: Measure
) -> None:
    def newer(call: Call) -> Response:
        if "max_tokens" in call.body:
            return error(400, "Unsupported: 'max_tokens'; use 'max_completion_tokens'.")
        return honest(call)

    server.behaviour = newer
    measure()
    assert {call.body.get("max_completion_tokens") for call in server.measured} == {64}
    assert all("seed" in call.body for call in server.calls)


def test_a_model_named_seed_keeps_its_seeds(server: Faulty, measure: Measure) -> None:
    def cool(call: Call) -> Response:
        if call.body["temperature"] > 1:
            return error(422, "seed-model takes temperatures up to 1")
        return honest(call)

    server.behaviour = cool
    measure(model=f"api:seed-model@{server.url}")
    assert all("seed" in call.body for call in server.calls)
    assert [call.body["temperature"] for call in server.probes] == [2.0] + [1.0] * 12


def test_a_reply_that_is_already_begun_is_refused_before_any_call(
    server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    (tmp_path / "coin.json").write_text(
        '{"request": "Toss.", "response": ["It is "], "targets": ["{heads}", "{tails}"]}'
    )
    with pytest.raises(ModelError, match="begins the reply with 'It is '"):
        measure(tasks=(str(tmp_path / "coin.json"),))
    assert server.calls == []


def test_log_probabilities_are_not_to_be_had(server: Faulty, measure: Measure) -> None:
    place = Server(model="m", url=server.url, address=server.url, key=KEY)
    assert KEY not in repr(place)
    lm = ChatLM(
        place,
        seed=0,
        concurrency=1,
        patience=PATIENCE,
        journal=lambda task, prompt: ReplyJournal(Path("none")),
        progress=NoProgress(),
    )
    with pytest.raises(ServerError, match="--estimator sample"):
        lm.loglikelihood([])


def _in_a_notebook(measure: Measure) -> None:
    """Measure while an event loop runs, as a notebook's cell does."""

    async def cell() -> None:
        measure()

    # Tests with a browser may have left a loop running in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, cell()).result()


def test_a_notebook_may_measure_too(server: Faulty, measure: Measure) -> None:
    _in_a_notebook(measure)
    assert len(server.measured) == 20


def test_a_notebook_hears_of_errors(server: Faulty, measure: Measure) -> None:
    server.behaviour = lambda call: chat("the same")
    with pytest.raises(ServerError, match="copies"):
        _in_a_notebook(measure)


def test_seeds_are_distinct_for_any_number_of_replies() -> None:
    seeds = [call_seed(0, "task", "prompt", number) for number in range(200_000)]
    assert len(set(seeds)) == len(seeds)
    assert 0 <= min(seeds) and max(seeds) < SEEDS
    others = {
        call_seed(1, "task", "prompt", 0),
        call_seed(0, "other", "prompt", 0),
        call_seed(0, "task", "other", 0),
    }
    assert len(others | {seeds[0]}) == 4
