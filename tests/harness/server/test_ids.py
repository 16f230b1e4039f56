from __future__ import annotations

from diffbench.harness.server.ids import ReplyIds


def test_a_stored_reply_comes_under_its_id_again() -> None:
    ids = ReplyIds()
    for name, reply in (("a", "x"), ("b", "y"), ("a", "x"), ("c", "x")):
        ids.heard(name, reply)
    assert ids.repeated == 1


def test_one_id_for_all_or_none_says_nothing() -> None:
    ids = ReplyIds()
    for reply in "xxyx":
        ids.heard("chatcmpl-0", reply)
        ids.heard(None, reply)
        ids.heard("", reply)
    assert ids.repeated == 0


def test_another_reply_under_the_same_id_is_no_copy() -> None:
    ids = ReplyIds()
    for name, reply in (("a", "x"), ("a", "y"), ("b", "x"), ("c", "x")):
        ids.heard(name, reply)
    assert ids.repeated == 0
