"""Text, JSON, JUnit XML and GitHub's commands, all of one report, none of them obeyed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from diffbench.compare import MetricVerdict
from diffbench.gate import CheckReport, Outcome, markdown_report, text_report
from diffbench.gate.config import Tier
from diffbench.gate.github import workflow_commands, write_step_summary
from diffbench.gate.json_report import json_report
from diffbench.gate.junit import junit_report
from diffbench.gate.log import log_line
from diffbench.gate.report import Status
from tests.cli.test_tables import HOSTILE
from tests.gate.files import EXACT, case, check, reply_task
from tests.results.factory import exact_task

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit-10.xsd")))
COMMANDS = {
    "command": "::error::x",
    "spaced": "  ::stop-commands::token",
    "old": "a ##[error]b",
    "lines": "x\n::set-output name=a::b\r\n##[add-path]c",
    "percent": "100% %0A::warning::",
    "table": "a | b <img src=x onerror=y> `c` [d](http://e) @f #1",
    "xml": "]]> & < > \" ' \x00 \x1b \ufffe",
}
NASTY = {**HOSTILE, **COMMANDS}


def _outcome(name: str, status: Status = "regression", tier: Tier = "blocking") -> Outcome:
    return Outcome(
        status=status,
        tier=tier,
        required=True,
        verdict=MetricVerdict(
            task=name,
            title=name,
            family=name,
            split="train",
            metric="overlap",
            verdict="worse",
            before=0.5,
            after=0.4,
            gain=-0.1,
            allowed=0.01,
            reason=name,
        ),
        message=name,
    )


def _report(*outcomes: Outcome, text: str = "x") -> CheckReport:
    return CheckReport(
        conclusion="regression",
        exit_code=1,
        strict=False,
        headline=text,
        result=text,
        baseline=text,
        outcomes=outcomes,
        differences=[(text, text, text)],
        notes=[text],
    )


def _lines_obeyed(text: str) -> list[str]:
    """Lines that a GitHub runner would take for a command."""
    return [
        line
        for line in re.split(r"\r\n|\r|\n", text)
        if line.strip().startswith("::") or "##[" in line
    ]


hostile = pytest.mark.parametrize("text", list(NASTY.values()), ids=list(NASTY))


@hostile
def test_no_text_becomes_a_command_in_a_log(text: str) -> None:
    report = _report(_outcome(text), text=text)
    assert _lines_obeyed(text_report(report)) == []
    assert _lines_obeyed(log_line(text)) == []
    assert all(c.isprintable() or c == "\n" for c in text_report(report))


@hostile
def test_a_command_says_only_what_it_should(text: str) -> None:
    (line,) = workflow_commands(_report(_outcome(text), text=text))
    match = re.fullmatch(r"::error title=([^:,]*)::(.*)", line)
    assert match is not None, line
    assert "\n" not in line and "\r" not in line
    assert re.fullmatch(r"(%25|%0A|%0D|%3A|%2C|[^%])*", match.group(1))
    assert "::" not in match.group(2)


@hostile
def test_markdown_shows_it_as_text(text: str) -> None:
    shown = markdown_report(_report(_outcome(text), text=text))
    assert _lines_obeyed(shown) == []
    assert "<img" not in shown
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) in (4, 7)


@hostile
def test_junit_is_valid_whatever_the_names_are(text: str) -> None:
    content = junit_report(_report(_outcome(text), _outcome(text, "missing"), text=text))
    tree = etree.fromstring(content)
    SCHEMA.assertValid(tree)
    names = [one.get("name") for one in tree.iter("testcase")]
    assert len(set(names)) == len(names) == 3


@hostile
def test_json_is_json(text: str) -> None:
    content = json_report(_report(_outcome(text), text=text))
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again["outcomes"][0]["status"] == "regression"
    assert again["outcomes"][0]["verdict"]["task"] == text


def test_the_schema_can_refuse() -> None:
    content = junit_report(_report(_outcome("x"))).replace(b"<failure ", b"<fialure ")
    content = content.replace(b"</failure>", b"</fialure>")
    assert not SCHEMA.validate(etree.fromstring(content))


def test_junit_counts_what_it_holds() -> None:
    report = _report(
        _outcome("a"),
        _outcome("b", "missing"),
        _outcome("c", "unresolved"),
        _outcome("d", "regression", "advisory"),
        _outcome("e", "pass"),
    )
    (suite,) = etree.fromstring(junit_report(report)).iter("testsuite")
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "2", "errors": "1", "skipped": "2"}
    strict = replace(report, strict=True)
    (suite,) = etree.fromstring(junit_report(strict)).iter("testsuite")
    assert suite.get("failures") == "3"


@pytest.mark.parametrize("n", [1, 10, 11, 200])
def test_github_shows_ten_annotations_of_a_kind(n: int) -> None:
    outcomes = [_outcome(f"t{i}") for i in range(n)]
    outcomes += [_outcome(f"w{i}", "unresolved") for i in range(n)]
    lines = workflow_commands(_report(*outcomes))
    for kind in ("::error ", "::warning "):
        chosen = [line for line in lines if line.startswith(kind)]
        assert len(chosen) == min(n, 10)
        assert ("more; see the summary" in chosen[-1]) == (n > 10)


def test_a_summary_stays_below_githubs_limit(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    report = _report(*(_outcome(f"t{i} " + "x" * 1500) for i in range(3000)))
    for _ in range(3):
        write_step_summary(report, {"GITHUB_STEP_SUMMARY": str(path)})
    assert 0 < path.stat().st_size < 1024 * 1024
    assert "more |" in path.read_text(encoding="utf-8")
    write_step_summary(report, {})


def test_the_command_writes_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    worse = exact_task((0.6, 0.39), (0.6, 0.4), title="::error::", family="##[x]")
    one = case(tmp_path, [EXACT, reply_task(60, 60)], [worse, reply_task(61, 59)])
    names = {kind: tmp_path / f"r.{kind}" for kind in ("json", "junit", "markdown")}
    found = one.check(
        *(word for kind, path in names.items() for word in (f"--{kind}", path))
    )
    assert found.exit_code == 1
    assert [line.split(" ")[0] for line in _lines_obeyed(found.stdout)] == [
        "::error",
        "::warning",
    ]
    SCHEMA.assertValid(etree.parse(names["junit"]))
    content = json.loads(names["json"].read_text(encoding="utf-8"))
    assert (content["conclusion"], content["exit_code"]) == ("regression", 1)
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary == names["markdown"].read_text(encoding="utf-8")
    assert content["headline"] in found.stdout and content["headline"] in summary
    assert _lines_obeyed(one.check("--no-github").stdout) == []


def test_what_cannot_be_judged_reaches_every_output(tmp_path: Path) -> None:
    one = case(tmp_path, [EXACT], [EXACT])
    one.baseline.unlink()
    junit = tmp_path / "r.xml"
    found = one.check("--junit", junit, "--github")
    assert found.exit_code == 3
    assert "::error title=diffbench check::Cannot judge" in found.stdout
    tree = etree.parse(junit)
    SCHEMA.assertValid(tree)
    assert tree.getroot().get("errors") == "1"


def test_an_error_that_names_a_file_is_no_command() -> None:
    found = check("x", "--baseline", "y", "--config", "::error::.toml")
    assert found.exit_code == 2
    assert "::" not in found.stderr
