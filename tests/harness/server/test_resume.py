"""A run that is cut off goes on with the replies that it has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from diffbench.cli.main import main
from diffbench.errors import ResultError, ServerError
from diffbench.results import load_results, verify_result
from tests.harness.server.conftest import WEEKDAY, Measure
from tests.harness.server.faulty import KEY, Call, Faulty, Response, error, honest

N = 60


def _dies_after(n: int, how: Response) -> Callable[[Call], Response]:
    return lambda call: honest(call) if call.number < n else how


def _n_kept(output: Path) -> int:
    files = (output / "partial").glob("replies-*.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in files)


@pytest.mark.parametrize(
    "how", [error(503, "dying"), error(401, "revoked"), Response(status=None)]
)
def test_a_server_that_dies_halfway_costs_no_reply(
    how: Response, server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    whole = measure(samples=N, output=tmp_path / "whole")
    server.calls.clear()
    server.behaviour = _dies_after(40, how)
    with pytest.raises(ServerError):
        measure(samples=N)
    n_kept = _n_kept(tmp_path / "out")
    assert 20 <= n_kept <= 28, "40 calls less the 12 that test the server"

    server.calls.clear()
    server.behaviour = honest
    resumed = measure(samples=N, resume=True)
    assert len(server.measured) == N - n_kept
    assert resumed.tasks == whole.tasks
    assert verify_result(resumed) == []
    assert resumed.run.independence is not None
    assert resumed.run.independence.probe_calls == 24
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "results.json",
        "samples.jsonl.gz",
    ]


def _words(server: Faulty) -> list[str]:
    words = ["run", "--model", f"api:some-model@{server.url}", "--tasks", WEEKDAY]
    return [*words, "--samples", str(N), "--limit", "1", "--output", "out"]


def _command(server: Faulty, cwd: Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    return subprocess.Popen(
        [sys.executable, "-m", "diffbench", *_words(server)],
        cwd=cwd,
        env={**environment, "OPENAI_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _slowly(call: Call) -> Response:
    time.sleep(0.2)
    return honest(call)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["KILL", "INT"])
def test_a_run_that_is_killed_goes_on(
    sign: int, server: Faulty, measure: Measure, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    server.behaviour = _slowly
    process = _command(server, tmp_path)
    deadline = time.monotonic() + 100
    while (not output.exists() or _n_kept(output) < 10) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(sign)
    out, err = process.communicate(timeout=60)
    n_kept = _n_kept(output)
    assert 10 <= n_kept < N
    assert f"{N} calls to the API, and before them 12 to 36" in err
    assert KEY not in out + err and "Traceback" not in out + err
    if sign == signal.SIGINT:
        assert process.returncode == 130
        assert f"{n_kept} of {N} replies are kept; go on with" in err
        assert "--output out --resume" in err

    server.calls.clear()
    server.behaviour = honest
    result = measure(samples=N, resume=True)
    assert len(server.measured) == N - n_kept
    assert verify_result(result) == []


def _invoke(server: Faulty, *more: str) -> Result:
    return CliRunner().invoke(main, [*_words(server), *more])


def test_a_dying_server_ends_the_command_with_a_way_to_go_on(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server.behaviour = _dies_after(30, error(401, "revoked"))
    ended = _invoke(server)
    assert (ended.exit_code, ended.stdout) == (2, "")
    *_, last = ended.stderr.strip().splitlines()
    assert last.startswith("Error: the server at http://127.0.0.1:")
    n_kept = _n_kept(tmp_path / "out")
    assert 10 <= n_kept <= 18
    assert f"{n_kept} of {N} replies are kept; go on with the same options" in last
    assert last.endswith("--output out --resume")

    server.behaviour = honest
    done = _invoke(server, "--resume")
    assert done.exit_code == 0, done.stderr
    assert f"({n_kept} replies are there already)" in done.stderr
    assert KEY not in done.output + ended.output
    assert verify_result(load_results(tmp_path / "out")) == []


@pytest.mark.parametrize("changed", [{"seed": 1}, {"samples": N + 1}])
def test_other_options_do_not_go_on(
    changed: dict[str, Any], server: Faulty, measure: Measure
) -> None:
    server.behaviour = _dies_after(40, error(401, "revoked"))
    with pytest.raises(ServerError):
        measure(samples=N)
    with pytest.raises(ResultError, match="other settings"):
        measure(**{"samples": N, **changed}, resume=True)


def test_more_connections_may_be_used_when_it_goes_on(
    server: Faulty, measure: Measure
) -> None:
    server.behaviour = _dies_after(40, error(401, "revoked"))
    with pytest.raises(ServerError):
        measure(samples=N)
    server.behaviour = honest
    measure(samples=N, resume=True, concurrency=2)
    assert server.most_at_once <= 8
