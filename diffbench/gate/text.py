"""A report for people: plain text, and Markdown for a step summary."""

from __future__ import annotations

from collections.abc import Iterator

from diffbench.compare.describe import change_text, value_text
from diffbench.gate.log import log_text
from diffbench.gate.report import CheckReport, Outcome, Status

__all__ = ["gravest_first", "markdown_cell", "markdown_report", "text_report"]

_WORDS: dict[Status, str] = {
    "pass": "pass",
    "improved": "improved",
    "regression": "REGRESSION",
    "accepted": "accepted",
    "unresolved": "unresolved",
    "missing": "MISSING",
    "not_comparable": "NOT COMPARABLE",
    "invalid": "INVALID",
    "new": "new",
}
_GRAVEST_FIRST: tuple[Status, ...] = (
    *("regression", "invalid", "missing", "not_comparable", "unresolved"),
    *("accepted", "improved", "pass", "new"),
)
_LOUD = ("regression", "invalid", "missing", "not_comparable", "unresolved", "accepted")
_MOST_MARKDOWN = 900_000
_WIDEST_WORD = 14


def gravest_first(report: CheckReport) -> list[Outcome]:
    """Return the outcomes, those that matter most first."""
    return sorted(
        report.outcomes,
        key=lambda one: (not one.blocks, _GRAVEST_FIRST.index(one.status)),
    )


def text_report(report: CheckReport) -> str:
    """Return the report as lines for a terminal or a CI log."""
    return log_text("\n".join(_lines(report)))


def _lines(report: CheckReport) -> Iterator[str]:
    if report.result:
        yield f"Checked {report.result} against the baseline {report.baseline}"
    width = max([len(one.name) for one in report.outcomes], default=0)
    for one in gravest_first(report):
        word = _WORDS[one.status] + ("" if one.blocks else ", advisory")
        if one.status == "new":
            word = "new"
        yield f"  {word:<{_WIDEST_WORD}}  {one.name:<{min(width, 48)}}  {one.message}"
    for what, ours, theirs in report.differences:
        yield f"  differs: {what}, {ours} in the baseline, {theirs} in the result"
    for note in report.notes:
        yield f"  note: {note}"
    yield report.headline


def markdown_report(report: CheckReport) -> str:
    """Return the report as Markdown, safe to show and below GitHub's size limit."""
    head = [f"### DiffBench: {markdown_cell(report.headline)}", ""]
    if report.result:
        names = map(markdown_cell, (report.result, report.baseline))
        head += [" against the baseline ".join(names), ""]
    rows = gravest_first(report)
    loud = [one for one in rows if one.status in _LOUD]
    quiet = [one for one in rows if one.status not in _LOUD]
    tail = ["", *(f"- {markdown_cell(note)}" for note in report.notes)]
    if report.differences:
        tail += ["", "| made differently | baseline | result |", "|---|---|---|"]
        tail += [
            f"| {markdown_cell(what)} | {markdown_cell(ours)} | {markdown_cell(theirs)} |"
            for what, ours, theirs in report.differences
        ]
    body = _table(loud, _MOST_MARKDOWN // 2) if loud else []
    if quiet:
        body += ["", f"<details><summary>{len(quiet)} other checks</summary>", ""]
        body += [*_table(quiet, _MOST_MARKDOWN // 4), "", "</details>"]
    return "\n".join([*head, *body, *tail])[:_MOST_MARKDOWN] + "\n"


def _table(rows: list[Outcome], most: int) -> list[str]:
    lines = [
        "| check | verdict | before | after | change | |",
        "|---|---|---:|---:|---:|---|",
    ]
    size = 0
    for number, one in enumerate(rows):
        line = _row(one)
        size += len(line.encode())
        if size > most:
            lines.append(f"| … and {len(rows) - number} more | | | | | |")
            break
        lines.append(line)
    return lines


def _row(one: Outcome) -> str:
    word = _WORDS[one.status] + ("" if one.blocks or one.status == "new" else " (advisory)")
    verdict = one.verdict
    cells = (
        one.name,
        word,
        value_text(verdict.before),
        value_text(verdict.after),
        change_text(verdict),
        one.message,
    )
    return f"| {' | '.join(map(markdown_cell, cells))} |"


def markdown_cell(text: str) -> str:
    """Escape what Markdown, HTML or a table would read as its own."""
    shown = log_text(text)
    for mark in ("\\", "`", "*", "_", "[", "]", "|", "#", "@", "!", "~", "$"):
        shown = shown.replace(mark, f"\\{mark}")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
