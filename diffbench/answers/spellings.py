"""The finite list of strings that count as each outcome.

Exact scoring sums the probability of these strings and sampling accepts just these,
so that both estimate the same thing. There is no fuzzy matching anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from diffbench.errors import TargetError, printable
from diffbench.targets import Target

__all__ = [
    "LEAD_INS",
    "MAX_SPELLINGS",
    "AnswerKey",
    "Variant",
    "answer_string",
    "make_answer_key",
]

Variant = Literal["lower", "upper", "capitalized", "padded"]
"""How an outcome may also be written: `padded` allows one blank inside each brace."""

MAX_SPELLINGS = 8
LEAD_INS = ("", " ", "\n")
"""White space that tokenizers really produce between a prompt and its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKey:
    """Which strings between the braces mean which outcome.

    Attributes:
        spellings: For each outcome, its accepted spellings; the first is canonical.
        index: From a spelling to the position of its outcome.
    """

    spellings: tuple[tuple[str, ...], ...]
    index: Mapping[str, int]

    def answers(self, outcome: int) -> tuple[str, ...]:
        """Accepted answer strings of one outcome, braces included."""
        return tuple(answer_string(spelling) for spelling in self.spellings[outcome])


def answer_string(spelling: str) -> str:
    """Return the answer as a reply must contain it: `{spelling}`."""
    return "{" + spelling + "}"


def make_answer_key(target: Target, variants: Iterable[Variant] = ()) -> AnswerKey:
    """List the accepted spellings of every outcome of a target.

    An outcome is accepted as itself, as each alias, in each case variant of these, and
    (`padded`) with a blank inside each brace.

    Raises:
        TargetError: If two outcomes share a spelling, an outcome has more than
            `MAX_SPELLINGS`, or an answer is the prefix of another.
    """
    chosen = tuple(variants)
    spellings = tuple(
        _spellings(name, aliases, chosen)
        for name, aliases in zip(target.outcomes, target.aliases, strict=True)
    )
    index: dict[str, int] = {}
    for position, accepted in enumerate(spellings):
        for spelling in accepted:
            if spelling in index:
                raise TargetError(
                    f"outcomes {printable(target.outcomes[index[spelling]])!r} and "
                    f"{printable(target.outcomes[position])!r} share the spelling "
                    f"{printable(spelling)!r}; a reply must mean one outcome only"
                )
            index[spelling] = position
    _refuse_prefixes([answer_string(spelling) for spelling in index])
    return AnswerKey(spellings=spellings, index=index)


def _spellings(
    name: str, aliases: Sequence[str], variants: Sequence[Variant]
) -> tuple[str, ...]:
    written = [name, *aliases]
    cased = [form for text in written for form in _case_forms(text, variants)]
    accepted = list(dict.fromkeys([*written, *cased]))
    if "padded" in variants:
        accepted += [f" {name} "]
    if len(accepted) > MAX_SPELLINGS:
        raise TargetError(
            f"outcome {printable(name)!r} has {len(accepted)} accepted spellings; "
            f"at most {MAX_SPELLINGS} are allowed, so list fewer aliases or variants"
        )
    return tuple(accepted)


def _case_forms(text: str, variants: Sequence[Variant]) -> Iterator[str]:
    forms = {
        "lower": text.lower(),
        "upper": text.upper(),
        "capitalized": text[:1].upper() + text[1:],
    }
    for variant in variants:
        if variant in forms:
            yield unicodedata.normalize("NFC", forms[variant])


def _refuse_prefixes(answers: list[str]) -> None:
    # After sorting, a string that is a prefix of any other is one of its neighbour.
    ordered = sorted(answers)
    for shorter, longer in pairwise(ordered):
        if longer.startswith(shorter):
            raise TargetError(
                f"answer {printable(shorter)!r} is the prefix of {printable(longer)!r}; "
                "no answer may begin with another"
            )
