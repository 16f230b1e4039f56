"""What a server's failures get: another try where it may help, else one sentence."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from diffbench.errors import ServerError
from diffbench.harness.server.failures import retry_after
from diffbench.results import RunResult
from tests.harness.server.conftest import Measure
from tests.harness.server.faulty import (
    KEY,
    Behaviour,
    Call,
    Faulty,
    Response,
    chat,
    error,
    faulty,
    honest,
)


def first(n: int, response: Response) -> Behaviour:
    """Answer the first n calls of the measurement so, and the others honestly."""
    seen = 0

    def answer(call: Call) -> Response:
        nonlocal seen
        seen += not call.is_probe
        return response if not call.is_probe and seen <= n else honest(call)

    return answer


def always(response: Response) -> Behaviour:
    return lambda call: response


def _refusal(server: Faulty, measure: Measure, behaviour: Behaviour) -> str:
    server.behaviour = behaviour
    with pytest.raises(ServerError) as raised:
        measure()
    said = str(raised.value)
    assert KEY not in said and said.isprintable()
    return said


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (error(401, f"Incorrect API key: {KEY}"), "refuses the key in OPENAI_API_KEY"),
        (error(403, f"{KEY} may not"), "refuses the key in OPENAI_API_KEY (403)"),
        (error(404, "No model some-model"), "has no model 'some-model', or no chat API"),
        (error(400, f"bad \x1b[31m{KEY}"), r"(400: bad \x1b[31m[key])"),
        (error(429, "You exceeded it: insufficient_quota"), "the quota is used up"),
        (
            error(429, "slow down", Retry_After="86400"),
            "answers 429 and asks to wait 86400 s: slow down",
        ),
        (chat("x" * (1 << 21)), "sends more than 1 MiB for one reply of 64 tokens"),
        (Response(status=302, headers={"Location": "/v2"}), "write the final URL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_will_not_pass_is_not_tried_again(
    response: Response, message: str, server: Faulty, measure: Measure
) -> None:
    assert message in _refusal(server, measure, always(response))
    # The second is the probe without its high temperature.
    assert len(server.calls) <= 2


def test_a_misspelt_model_gets_the_nearest_names(server: Faulty, measure: Measure) -> None:
    names = ["some-modle", "some-mode\x1b[31m", "whisper"]
    server.models = json.dumps({"data": [{"id": name} for name in names]}).encode()
    said = _refusal(server, measure, always(error(404, "unknown")))
    assert "ends in /v1. Did you mean some-modle or some-mode" in said
    assert "whisper" not in said


@pytest.mark.parametrize("models", [b"{", b"[]", b'{"data": [1]}', b"[" * 100_000])
def test_a_list_of_models_that_is_none_changes_nothing(
    models: bytes, server: Faulty, measure: Measure
) -> None:
    server.models = models
    said = _refusal(server, measure, always(error(404, "unknown")))
    assert said.endswith("which usually ends in /v1.")


def test_without_a_key_it_is_asked_for(
    server: Faulty, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    said = _refusal(server, measure, always(error(401, "no key")))
    assert "asks for a key (401); put it into the environment variable" in said


def test_the_key_follows_no_redirect(server: Faulty, measure: Measure) -> None:
    with faulty() as other:
        there = {"Location": f"{other.url}/chat/completions"}
        _refusal(server, measure, always(Response(status=307, headers=there)))
        assert other.calls == []


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    "response",
    [
        Response(body=b'{"choices": [{"mess'),
        Response(body=b"<html>Log in</html>", headers={"Content-Type": "text/html"}),
        Response(body=b""),
        Response(body=b"null"),
        Response(body=DEEP),
        Response(body=b'{"choices": []}'),
        Response(body=b'{"error": {"message": "overloaded"}}'),
        chat(["a", "list"]),
    ],
    ids=lambda response: response.body[:20].decode(),
)
def test_what_is_no_completion_is_never_taken_for_a_reply(
    response: Response, server: Faulty, measure: Measure
) -> None:
    """At first it is a wrong URL; later it may pass."""
    said = _refusal(server, measure, always(response))
    assert "what is no chat completion" in said and "usually ends in /v1" in said
    assert len(server.calls) == 2
    server.behaviour = first(3, response)
    assert _n_replies(measure()) == 20
    assert len(server.measured) == 23


@pytest.mark.parametrize(
    "response",
    [
        error(500, "oops"),
        error(503, "busy", Retry_After="0"),
        error(429, "slow down"),
        error(408, "too slow"),
        Response(status=None),
    ],
    ids=["500", "503", "429", "408", "reset"],
)
def test_what_may_pass_is_tried_again_with_the_same_seed(
    response: Response, server: Faulty, measure: Measure
) -> None:
    server.behaviour = first(5, response)
    result = measure()
    assert _n_replies(result) == 20
    assert len(server.measured) == 25
    assert len({call.body["seed"] for call in server.measured}) == 20


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_is_waited_for_as_long_as_it_asks(
    status: int, server: Faulty, measure: Measure
) -> None:
    server.behaviour = first(1, error(status, "later", Retry_After="1"))
    measure(samples=1)
    refused, answered = server.measured
    assert 1.0 <= answered.at - refused.at < 3.0


def test_a_server_that_goes_on_failing_is_given_up(
    server: Faulty, measure: Measure
) -> None:
    said = _refusal(server, measure, always(error(500, "Oops, said the server")))
    assert "answers 500: Oops, said the server" in said
    assert len(server.calls) == 6


def test_nobody_there_is_one_sentence(measure: Measure) -> None:
    with faulty() as gone:
        pass
    with pytest.raises(ServerError, match="cannot be reached"):
        measure(model=f"api:m@{gone.url}")


def _n_replies(result: RunResult) -> int:
    (prompt,) = result.tasks[0].prompts
    return sum(prompt.counts or ()) + int(sum(prompt.invalid.values()))


def test_an_absent_reply_counts_as_an_empty_one(server: Faulty, measure: Measure) -> None:
    server.behaviour = first(7, chat(None))
    result = measure()
    assert result.tasks[0].prompts[0].invalid["empty"] == 7
    assert len(server.measured) == 20


def test_any_content_type_and_half_a_character_are_read(
    server: Faulty, measure: Measure
) -> None:
    body = json.dumps({"choices": [{"message": {"content": "{Mon\ud83d"}}]}).encode()
    odd = Response(body=body, headers={"Content-Type": "text/plain; charset=latin-9"})
    server.behaviour = first(3, odd)
    assert measure().tasks[0].prompts[0].invalid["cut_off"] == 3


def test_a_reply_is_cut_after_its_answer(server: Faulty, measure: Measure) -> None:
    """As in a local run; and no stop string has cut the brace itself off."""
    server.behaviour = first(20, chat(" {Monday}. It is {Tuesday}, really"))
    counts = measure().tasks[0].prompts[0].counts
    assert counts is not None and max(counts) == sum(counts) == 20


@pytest.mark.parametrize("key", ["two words", "k\nX-Other: y", "schlüssel"])
def test_what_is_no_key_is_not_sent(
    key: str, server: Faulty, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffbench.errors import SettingsError

    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as raised:
        measure()
    assert key not in str(raised.value)
    assert server.calls == []


def test_retry_after_is_read_in_both_forms() -> None:
    assert retry_after(None) is None
    assert retry_after("7.5") == 7.5
    assert retry_after("-3") == 0
    assert retry_after("nan") is None and retry_after("soon") is None
    later = retry_after(formatdate(time.time() + 100, usegmt=True))
    assert later is not None and 90 < later <= 100


def test_nothing_is_left_of_a_run_that_never_began(
    server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    server.behaviour = always(error(401, "no"))
    for _ in range(2):
        with pytest.raises(ServerError):
            measure()
    assert list(tmp_path.iterdir()) == []
