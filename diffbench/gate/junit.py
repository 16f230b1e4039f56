"""A report as JUnit XML, which Jenkins, GitLab and most other CI show as tests."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from diffbench.gate.log import log_line
from diffbench.gate.report import CheckReport, Outcome

__all__ = ["junit_report"]

_SUITE = "diffbench check"
_ERRORS = ("missing", "not_comparable", "invalid")


def junit_report(report: CheckReport) -> bytes:
    """Return XML: a test for each check, and one for the verdict.

    A regression is a failure; what must be judged and cannot be is an error; what
    cannot stop the check is skipped.
    """
    suite = ET.Element("testsuite", name=_SUITE)
    names: set[str] = set()
    for outcome in report.outcomes:
        _add_case(
            suite,
            _unique(outcome.name, names),
            *_result(outcome, report.strict),
            outcome.message,
        )
    whole = {"pass": None, "cannot_judge": "error"}.get(report.conclusion, "failure")
    _add_case(suite, _unique("verdict", names), whole, report.conclusion, report.headline)
    for counted, tag in (
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(counted, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    root = ET.Element("testsuites", name=_SUITE)
    for counted in ("tests", "failures", "errors"):
        root.set(counted, suite.get(counted, "0"))
    root.append(suite)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _result(outcome: Outcome, strict: bool) -> tuple[str | None, str]:
    """Return the element that says what became of a test, and its type."""
    status = outcome.status
    if status == "regression" and outcome.blocks:
        return "failure", status
    if status in _ERRORS and outcome.required:
        return "error", status
    if status == "unresolved" and outcome.blocks and strict:
        return "failure", status
    return (None if status in ("pass", "improved") else "skipped"), status


def _add_case(
    suite: ET.Element, name: str, tag: str | None, kind: str, message: str
) -> None:
    case = ET.SubElement(suite, "testcase", classname=_SUITE, name=name)
    shown = log_line(message)
    if tag is None:
        ET.SubElement(case, "system-out").text = shown
    else:
        ET.SubElement(case, tag, type=kind, message=shown).text = shown


def _unique(name: str, names: set[str]) -> str:
    """Return a name that no other test has: GitLab keeps only the first of two."""
    shown, number = name, 2
    while shown in names:
        shown, number = f"{name} ({number})", number + 1
    names.add(shown)
    return shown
