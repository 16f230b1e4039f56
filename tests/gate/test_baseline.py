"""Baselines: small, without replies, sealed, and never written in CI."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import diffbench
from diffbench.cli.main import main
from diffbench.compare import measurement_of
from diffbench.errors import BaselineError
from diffbench.gate import baseline_of, load_baseline
from diffbench.gate.baseline import read_measurement
from diffbench.gate.calibrate import largest_changes
from diffbench.results import write_results
from tests.gate.files import EXACT, case, reply_task
from tests.results.factory import exact_task, make_run, make_run_of


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def update(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["baseline", "update", *map(str, arguments)])


def test_a_baseline_holds_the_numbers_and_no_text(tmp_path: Path) -> None:
    run = make_run()
    write_results(tmp_path, run)
    path = tmp_path / "b.json"
    found = update(tmp_path, "--baseline", path, "--reason", "First.")
    assert found.exit_code == 0, found.output
    text = path.read_text(encoding="utf-8")
    assert "Wording" not in text and "heads" not in text
    ours, theirs = measurement_of(run), read_measurement(load_baseline(path))
    for one, other in zip(ours.tasks, theirs.tasks, strict=True):
        for prompt, again in zip(one.prompts, other.prompts, strict=True):
            assert (prompt.sha256, prompt.n) == (again.sha256, again.n)
            if prompt.probabilities is not None:
                assert again.probabilities is not None
                np.testing.assert_allclose(again.probabilities, prompt.probabilities, 1e-7)
            else:
                np.testing.assert_array_equal(again.counts, prompt.counts)


def test_a_result_checks_against_its_own_baseline(tmp_path: Path) -> None:
    third = exact_task((1 / 3, 2 / 3 - 1e-9), (1e-12, 0.1))
    assert case(tmp_path, [third], [third]).check().exit_code == 0


def test_replacing_a_baseline_says_what_moves(tmp_path: Path) -> None:
    bent = exact_task((0.6, 0.39), (0.6, 0.4))
    one = case(tmp_path, [EXACT], [bent])
    found = update(one.result, "--baseline", one.baseline, "--reason", "We accept it.")
    assert found.exit_code == 0
    assert "Against the baseline that is replaced:" in found.output
    assert "REGRESSION" in found.output
    assert one.check().exit_code == 0


def test_keys_with_their_defaults_change_neither_file_nor_hash(tmp_path: Path) -> None:
    baseline = case(tmp_path, [EXACT], [EXACT]).baseline
    written = json.loads(baseline.read_text(encoding="utf-8"))
    assert "draws_per_reply" not in written["settings"]
    assert load_baseline(baseline).settings.draws_per_reply == 1
    del written["content_sha256"]
    text = json.dumps(written, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    assert load_baseline(baseline).content_sha256 == sha256


def test_a_broken_baseline_can_be_replaced(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [EXACT])
    one.baseline.write_text("{")
    found = update(one.result, "--baseline", one.baseline, "--reason", "Again.")
    assert found.exit_code == 0
    assert one.check().exit_code == 0


@pytest.mark.parametrize("value", ["true", "1", "woodpecker"])
def test_ci_never_writes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    one = case(tmp_path, [EXACT], [EXACT])
    before = one.baseline.read_bytes()
    monkeypatch.setenv("CI", value)
    found = update(one.result, "--baseline", one.baseline, "--reason", "From CI.")
    assert found.exit_code == 2
    assert "not written in CI" in found.stderr
    assert one.baseline.read_bytes() == before


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_needed(tmp_path: Path, reason: str) -> None:
    write_results(tmp_path, make_run())
    found = update(tmp_path, "--baseline", tmp_path / "b.json", "--reason", reason)
    assert found.exit_code == 2
    assert not (tmp_path / "b.json").exists()


def test_a_forged_result_makes_no_baseline(tmp_path: Path) -> None:
    from tests.results.factory import content_of, seal

    content = content_of(make_run())
    content["tasks"][0]["metrics"]["overlap"]["value"] = 0.9
    (tmp_path / "results.json").write_text(json.dumps(seal(content)))
    found = update(tmp_path, "--baseline", tmp_path / "b.json", "--reason", "x")
    assert found.exit_code == 2
    assert not (tmp_path / "b.json").exists()


def test_the_file_has_a_line_a_prompt(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT, reply_task(3, 2, 1)], [EXACT])
    lines = one.baseline.read_text(encoding="utf-8").splitlines()
    assert sum("prompt_sha256" in line for line in lines) == 3


@pytest.mark.parametrize("wrong", [{}, {"format": "other"}])
def test_another_kind_of_file_is_named_as_such(tmp_path: Path, wrong: object) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(wrong))
    with pytest.raises(BaselineError, match="this is no baseline"):
        load_baseline(path)


def test_the_noise_floor_is_three_times_the_largest_change() -> None:
    runs = [make_run_of(exact_task((0.6, 0.3), (q, 0.4))) for q in (0.5, 0.501, 0.5002)]
    floor = largest_changes([measurement_of(run) for run in runs])
    assert floor["valid_mass"] == pytest.approx(0.003)
    assert floor["overlap"] == pytest.approx(0.0, abs=1e-12)


def test_a_result_of_replies_has_nothing_to_calibrate(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [reply_task(5, 5)])
    found = update(one.result, "--baseline", one.baseline, "--reason", "x", "--calibrate")
    assert found.exit_code == 2
    assert "no exact values to calibrate" in found.stderr


def test_calibrating_the_demo_model(tmp_path: Path) -> None:
    options = diffbench.RunOptions(
        model="demo", tasks=("diffbench_numbers_1_10",), output=tmp_path / "run"
    )
    result = diffbench.run(options)
    path = tmp_path / "b.json"
    found = update(tmp_path / "run", "--baseline", path, "--reason", "Demo.", "--calibrate")
    assert found.exit_code == 0, found.output
    floor = load_baseline(path).noise_floor
    assert 0 <= floor["overlap"] < 1e-4
    assert diffbench.check(result, baseline=path).conclusion == "pass"


def test_pytest_gets_the_text_that_people_get(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [exact_task((0.6, 0.39), (0.6, 0.4))])
    with pytest.raises(diffbench.CheckError) as caught:
        diffbench.check(one.result, baseline=one.baseline)
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value) == one.check().stdout.rstrip("\n")
    assert caught.value.report.exit_code == 1
    report = diffbench.check(
        one.result, baseline=one.baseline, config=one.config("tolerance = 0.5")
    )
    assert report.conclusion == "pass"


def test_a_reason_is_kept_as_text() -> None:
    found = baseline_of(make_run(), "  Because of #12.\n")
    assert found.reason == "Because of #12."
