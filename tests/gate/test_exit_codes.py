"""Every exit code of `diffbench check`, by every way that leads to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diffbench.gate import judge as gate_judge
from diffbench.gate import self_test
from diffbench.results import content_sha256
from tests.gate.files import EXACT, Case, case, check, reply_task
from tests.results.factory import Content, exact_task

BENT = exact_task((0.6, 0.39), (0.6, 0.4))


@pytest.fixture
def same(tmp_path: Path) -> Case:
    return case(tmp_path, [EXACT], [EXACT])


def test_0_nothing_got_worse(same: Case) -> None:
    found = same.check()
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.endswith("Pass: no regression in 1 blocking checks.\n")


def test_0_an_improvement(tmp_path: Path) -> None:
    found = case(tmp_path, [BENT], [EXACT]).check()
    assert found.exit_code == 0
    assert "improved" in found.stdout


def test_1_a_regression(tmp_path: Path) -> None:
    found = case(tmp_path, [EXACT], [BENT]).check()
    assert found.exit_code == 1
    assert "REGRESSION" in found.stdout
    assert found.stdout.endswith("Regression: 1 of 1 blocking checks.\n")


def test_1_replies_that_got_worse(tmp_path: Path) -> None:
    found = case(tmp_path, [reply_task(500, 480)], [reply_task(800, 180)]).check()
    assert found.exit_code == 1


def test_1_stands_whatever_else_could_not_be_judged(tmp_path: Path) -> None:
    found = case(tmp_path, [EXACT, reply_task(90, 90)], [BENT]).check()
    assert found.exit_code == 1
    assert "MISSING" in found.stdout


def test_0_a_regression_that_is_advisory(tmp_path: Path) -> None:
    tasks = [EXACT, exact_task((0.5, 0.5), name="other")]
    one = case(tmp_path, tasks, [BENT, tasks[1]])
    config = one.config('[[rule]]\ntask = "diffbench_coin"\ntier = "advisory"\n')
    found = one.check("--config", config)
    assert found.exit_code == 0
    assert "REGRESSION, advisory" in found.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("RESULT",),
        ("RESULT", "--baseline", "BASELINE", "--margin", "1"),
        ("RESULT", "--baseline", "BASELINE", "--config", "absent.toml"),
        ("RESULT", "--baseline", "BASELINE", "--junit", "absent/x.xml"),
        ("RESULT", "--baseline", "BASELINE", "--json", "."),
    ],
)
def test_2_usage(same: Case, arguments: tuple[str, ...]) -> None:
    places = {"RESULT": same.result, "BASELINE": same.baseline}
    found = check(*(places.get(word, word) for word in arguments))
    assert found.exit_code == 2
    assert "Error: " in found.stderr


@pytest.mark.parametrize(
    "text",
    [
        "unknown = 1",
        '[[rule]]\nmetrik = "overlap"',
        '[[rule]]\nmetric = "overlapp"',
        "[[rule]]\ntolerance = -0.1",
        "[[rule]]\ntolerance = nan",
        "margin = inf",
        'margin = "0.1"',
        "alpha = 0.0",
        '[[rule]]\ntier = "optional"',
        '[[rule]]\nmetric = "overlap"\ndirection = "lower"',
        '[[accepted]]\ntask = "a"\nat_most = 0.1\nexpires = 2030-01-01',
        '[[accepted]]\ntask = "a"\nat_most = 0.1\nreason = "x"\nexpires = "soon"',
        "margin =",
        "\0",
    ],
)
def test_2_a_wrong_configuration(same: Case, text: str) -> None:
    found = same.check("--config", same.config(text))
    assert found.exit_code == 2, found.stdout
    assert found.stderr.startswith("Error: ")
    assert len(found.stderr.splitlines()) == 1


def test_3_nothing_to_compare(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [exact_task((0.5, 0.5), name="another")])
    assert one.check().exit_code == 3


def test_3_nothing_is_blocking(same: Case) -> None:
    found = same.check("--config", same.config('[[rule]]\ntier = "advisory"'))
    assert found.exit_code == 3
    assert "no blocking check was judged" in found.stdout


def test_3_nothing_is_required_and_nothing_is_there(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [exact_task((0.5, 0.5), name="another")])
    assert one.check("--config", one.config("[[rule]]\nrequired = false")).exit_code == 3


def test_3_a_required_task_is_missing(tmp_path: Path) -> None:
    other = exact_task((0.5, 0.5), name="other")
    one = case(tmp_path, [EXACT, other], [EXACT])
    assert one.check().exit_code == 3
    free = one.config('[[rule]]\ntask = "other"\nrequired = false')
    assert one.check("--config", free).exit_code == 0


def test_3_a_required_metric_is_missing(same: Case) -> None:
    config = same.config('[[rule]]\nmetric = "wasserstein"')
    found = same.check("--config", config)
    assert found.exit_code == 3
    assert "MISSING" in found.stdout
    config = same.config('[[rule]]\nmetric = "wasserstein"\nrequired = false')
    assert same.check("--config", config).exit_code == 0


def test_3_a_rule_is_about_no_task(same: Case) -> None:
    found = same.check("--config", same.config('[[rule]]\ntask = "diffbench_cion"'))
    assert found.exit_code == 3
    assert "no task of the baseline fits this rule" in found.stdout


@pytest.mark.parametrize("before", [True, False])
def test_3_too_few_replies(tmp_path: Path, before: bool) -> None:
    few, many = reply_task(20, 20), reply_task(500, 480)
    one = case(tmp_path, [few if before else many], [many if before else few])
    found = one.check()
    assert found.exit_code == 3
    assert "40 replies a prompt" in found.stdout


def test_3_a_partial_run(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [exact_task((0.5, 0.49))])
    found = one.check()
    assert found.exit_code == 3
    assert "other numbers of prompts (2 and 1)" in found.stdout


def _edited(path: Path, edit: Callable[[Content], Any], *, sealed: bool) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    if sealed:
        content["content_sha256"] = content_sha256(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _set_nan(content: Content) -> None:
    content["tasks"][0]["metrics"]["overlap"]["value"] = float("nan")


def _set_value(content: Content) -> None:
    content["tasks"][0]["metrics"]["overlap"]["value"] = 0.123


def _set_version(content: Content) -> None:
    content["tasks"][0]["version"] = "9"


def _set_prompt(content: Content) -> None:
    content["tasks"][0]["prompts"][0]["text"] = "Another question."


def _drop_metric(content: Content) -> None:
    del content["tasks"][0]["metrics"]["overlap"]


def _set_schema(content: Content) -> None:
    content["schema_version"] = "2"


@pytest.mark.parametrize(
    "edit", [_set_nan, _set_value, _set_version, _set_prompt, _drop_metric, _set_schema]
)
@pytest.mark.parametrize("sealed", [True, False])
def test_3_an_edited_result(same: Case, edit: Any, sealed: bool) -> None:
    if edit is _set_nan and sealed:
        edit = _set_value  # A hash of NaN cannot be made.
    _edited(same.result, edit, sealed=sealed)
    found = same.check()
    assert found.exit_code == 3
    assert "annot judge" in found.stdout


def _drop_task(content: Content) -> None:
    content["tasks"] = []


def _set_probability(content: Content) -> None:
    content["tasks"][0]["prompts"][0]["probabilities"] = [0.9, 0.1]


def _set_floor(content: Content) -> None:
    content["noise_floor"]["overlap"] = 1.0


def _set_reason(content: Content) -> None:
    content["reason"] = "Because."


@pytest.mark.parametrize(
    "edit",
    [_drop_task, _set_probability, _set_floor, _set_reason, _set_version, _set_schema],
)
def test_3_a_baseline_edited_by_hand(same: Case, edit: Any) -> None:
    _edited(same.baseline, edit, sealed=False)
    found = same.check()
    assert found.exit_code == 3
    assert "Cannot judge: " in found.stdout


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": 1}', "\xff", "[" * 10**5]
)
@pytest.mark.parametrize("which", ["result", "baseline"])
def test_3_a_file_that_is_none(same: Case, which: str, content: str) -> None:
    path: Path = getattr(same, which)
    path.write_bytes(content.encode("latin-1"))
    assert same.check().exit_code == 3


@pytest.mark.parametrize("which", ["result", "baseline"])
def test_3_a_file_that_is_not_there(same: Case, which: str) -> None:
    path: Path = getattr(same, which)
    path.unlink()
    assert same.check().exit_code == 3


def test_4_unresolved_and_strict_only(tmp_path: Path) -> None:
    one = case(tmp_path, [reply_task(60, 60)], [reply_task(62, 58)])
    assert one.check("--strict").exit_code == 4
    found = one.check()
    assert found.exit_code == 0
    assert "replies a prompt would settle it" in found.stdout


def test_accepted_damage_has_a_bound_and_an_end(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [BENT])

    def code(at_most: float, expires: str) -> int:
        config = one.config(
            f'[[accepted]]\ntask = "diffbench_coin"\nat_most = {at_most}\n'
            f'reason = "Known: #12."\nexpires = {expires}\n'
        )
        return one.check("--config", config).exit_code

    assert code(0.06, "2999-01-01") == 0
    assert code(0.04, "2999-01-01") == 1
    assert code(0.06, "2020-01-01") == 1


def test_a_bound_on_each_prompt_sees_a_swap(tmp_path: Path) -> None:
    swapped = exact_task((0.6, 0.4), (0.5, 0.49))
    one = case(tmp_path, [EXACT], [swapped])
    assert one.check("--config", one.config("tolerance = 0.01")).exit_code == 0
    config = one.config("tolerance = 0.01\n[[rule]]\nprompt_tolerance = 0.05\n")
    found = one.check("--config", config)
    assert found.exit_code == 1
    assert "prompt p0 lost 0.09" in found.stdout


def test_the_last_rule_that_fits_counts(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [BENT])
    wide = '[[rule]]\ntask = "*"\ntolerance = 0.5\n'
    narrow = '[[rule]]\ntask = "diffbench_*"\ntolerance = 0.001\n'
    assert one.check("--config", one.config(narrow + wide)).exit_code == 0
    assert one.check("--config", one.config(wide + narrow)).exit_code == 1


def test_70_an_accident_is_one_line_and_no_verdict(
    same: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("it\nbroke ::error::")

    monkeypatch.setattr(gate_judge, "judge", fail)
    found = same.check()
    assert found.exit_code == 70
    (line,) = found.stderr.splitlines()
    assert line.startswith("Internal error, no verdict: RuntimeError: it broke")
    assert "::" not in line
    assert "Traceback" in same.check("--debug").stderr


def test_70_a_gate_that_fails_its_own_test(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = (("what passes", 1, lambda _: 0),)
    monkeypatch.setattr(self_test, "_CASES", wrong)
    found = check("--self-test")
    assert found.exit_code == 70
    assert "WRONG" in found.stdout


def test_the_self_test_shows_every_exit_code() -> None:
    found = check("--self-test")
    assert found.exit_code == 0, found.stdout
    for code in (0, 1, 3, 4):
        assert f"exit {code}, must be {code}" in found.stdout


def _process(*words: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_70_an_installation_that_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ImportError('no click')\n")
    code = "import sys; sys.argv[1:] = ['check']; from diffbench.entry import main; main()"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    process = _process(code, env=environment)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 70
    assert errors.startswith("Internal error, no verdict: ImportError")


def test_a_reader_that_leaves_is_no_verdict(same: Case) -> None:
    code = (
        f"import sys; sys.argv[1:] = ['check', {str(same.result)!r}, '--baseline', "
        f"{str(same.baseline)!r}]; from diffbench.entry import main; main()"
    )
    with _process(code) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=120) == 70


def test_ctrl_c_is_no_verdict() -> None:
    code = (
        "import os, signal, sys; sys.argv[1:] = ['check', 'x', '--baseline', 'y']\n"
        "import diffbench.gate.run as run\n"
        "def wait(*_, **__): os.kill(os.getpid(), signal.SIGINT)\n"
        "run.check_files = wait\n"
        "from diffbench.entry import main; main()"
    )
    process = _process(code)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGINT
