"""What the answer rule says of a reply's beginning: decided, open, or lost."""

from __future__ import annotations

import bisect

from diffbench.answers import AnswerKey, AnswerRule, Valid, answer_string, read_reply

__all__ = ["ReplyOutlook"]

INVALID = -1
# What a decoder writes for bytes that are no whole character yet.
_PARTIAL = "\ufffd"


class ReplyOutlook:
    """Reads replies and beginnings of replies under an answer rule.

    Args:
        key: The accepted spellings.
        rule: Where in a reply the answer may stand.
    """

    def __init__(self, key: AnswerKey, rule: AnswerRule) -> None:
        self._key = key
        self._rule: AnswerRule = rule
        pairs = sorted((answer_string(text), n) for text, n in key.index.items())
        self._answers = [answer for answer, _ in pairs]
        self._outcomes = [outcome for _, outcome in pairs]
        self._everything = tuple(range(len(key.spellings)))
        self._known: dict[str, tuple[int, ...]] = {}

    def verdict(self, text: str, *, ended: bool) -> int | None:
        """Return the outcome of a reply, -1 if invalid, None if it is not decided yet."""
        opening = 0 if self._rule == "first" else text.find("{")
        if not ended and (opening < 0 or "}" not in text[opening:]):
            return None
        answer = read_reply(text, self._key, self._rule)
        return answer.outcome if isinstance(answer, Valid) else INVALID

    def reachable(self, text: str) -> tuple[int, ...]:
        """Return the outcomes that a reply beginning with this text may still be."""
        begun = self._begun(text)
        if not begun:
            return self._everything
        if begun not in self._known:
            first = bisect.bisect_left(self._answers, begun)
            found = set()
            for i in range(first, len(self._answers)):
                if not self._answers[i].startswith(begun):
                    break
                found.add(self._outcomes[i])
            self._known[begun] = tuple(sorted(found))
        return self._known[begun]

    def _begun(self, text: str) -> str:
        """Return the part of a text that an answer would have to begin with."""
        whole = text.rstrip(_PARTIAL)
        if self._rule == "first":
            return whole.lstrip()
        opening = whole.find("{")
        return "" if opening < 0 else whole[opening:]
