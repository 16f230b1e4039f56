"""Replies kept one by one: a torn end is cut off, anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.errors import ResultError
from diffbench.results.journal import ReplyJournal

REPLIES = {0: "{7}", 2: 'a "quoted"\nline\r\n\u2028 {é}\ud83d', 1: ""}


def _kept(path: Path) -> dict[int, str]:
    with ReplyJournal(path) as journal:
        for number, reply in REPLIES.items():
            journal.add(number, reply)
    return ReplyJournal(path).replies()


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "replies.jsonl"
    assert ReplyJournal(path).replies() == {}
    assert _kept(path) == REPLIES
    with ReplyJournal(path) as journal:
        journal.add(3, "{8}")
    assert ReplyJournal(path).replies() == {**REPLIES, 3: "{8}"}


def test_a_reply_is_on_disk_as_soon_as_it_is_added(tmp_path: Path) -> None:
    with ReplyJournal(tmp_path / "j") as journal:
        journal.add(0, "{7}")
        assert ReplyJournal(tmp_path / "j").replies() == {0: "{7}"}


@given(n_left=st.integers(min_value=0, max_value=200))
def test_cut_anywhere_it_keeps_whole_lines_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, n_left: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    _kept(path)
    content = path.read_bytes()[:n_left]
    path.write_bytes(content)
    whole = dict(list(REPLIES.items())[: content.count(b"\n")])
    assert ReplyJournal(path).replies() == whole
    with ReplyJournal(path) as journal:
        journal.add(9, "new")
    assert ReplyJournal(path).replies() == {**whole, 9: "new"}


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[1]",
        b'[1, "a", 2]',
        b'["1", "a"]',
        b"[true, 1]",
        b'[true, "a"]',
        b'[-1, "a"]',
        b"[1, null]",
        b'{"1": "a"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"",
    ],
    ids=lambda line: repr(line[:12]),
)
def test_a_whole_line_that_is_no_reply_is_refused(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'[0, "a"]\n' + line + b"\n")
    with pytest.raises(ResultError, match="line 2 is damaged; remove the file"):
        ReplyJournal(path).replies()


def test_what_cannot_be_written_or_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="cannot be read"):
        ReplyJournal(tmp_path).replies()
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ResultError, match="cannot be"),
        ReplyJournal(tmp_path / "file" / "j"),
    ):
        pass


def test_it_is_added_to_inside_its_block_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with"):
        ReplyJournal(tmp_path / "j").add(0, "a")
