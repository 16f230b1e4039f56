"""Replies that come again under the id of an earlier one: the same reply, stored."""

from __future__ import annotations

__all__ = ["ReplyIds"]


class ReplyIds:
    """The ids under which a server sent its replies, while this process ran.

    Some servers send no id, or one for all; where most replies have none of their own,
    ids say nothing.
    """

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._n_replies = 0
        self._n_again = 0

    def heard(self, reply_id: object, reply: str) -> None:
        """Take note of a reply."""
        self._n_replies += 1
        if isinstance(reply_id, str) and reply_id:
            same = self._first.setdefault(reply_id, reply) == reply
            self._n_again += int(same)

    @property
    def repeated(self) -> int:
        """How many replies were an earlier one's text under an earlier one's id."""
        if len(self._first) <= self._n_replies / 2:
            return 0
        return self._n_again - len(self._first)
