"""What DiffBench raises when its user, or a file, is at fault.

    DiffBenchError
     +-- TargetError      a target distribution that cannot be one
     +-- TaskError        a task file that is missing, malformed or unknown
     +-- ModelError       a model that cannot be found, read or scored
     |    +-- ServerError   a server that refuses, fails or cannot be trusted
     +-- RecipeError      a tuning recipe that is missing or malformed
     +-- SettingsError    options that contradict one another
     +-- ResultError      a results file that cannot be trusted or written
     |    +-- BaselineError  a baseline that cannot be trusted or written

Each message is one sentence that says what was got, what is wrong with it and what
to write instead. Only the command line turns these into an exit code.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

__all__ = [
    "BaselineError",
    "DiffBenchError",
    "ModelError",
    "RecipeError",
    "ResultError",
    "ServerError",
    "SettingsError",
    "TargetError",
    "TaskError",
    "brief",
    "did_you_mean",
    "printable",
]

_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 100


class DiffBenchError(Exception):
    """Base of everything that DiffBench raises on purpose."""


class TargetError(DiffBenchError):
    """A target distribution breaks a rule: weights, outcomes or spellings."""


class TaskError(DiffBenchError):
    """A task file is missing, malformed, or no task has that name."""


class ModelError(DiffBenchError):
    """A model cannot be found, downloaded, loaded, or measured as asked."""


class ServerError(ModelError):
    """A server of a model refuses, fails, or sends what cannot be measured."""


class RecipeError(DiffBenchError):
    """A tuning recipe is missing, malformed, or trains what must be held out."""


class SettingsError(DiffBenchError):
    """Options that do not go together, or values outside their range."""


class ResultError(DiffBenchError):
    """A results file is truncated, edited, too new, or in the way."""


class BaselineError(ResultError):
    """A baseline is missing, edited by hand, too new, or must not be written here."""


def printable(text: object, limit: int = 200) -> str:
    """Show hostile text on one line: control characters escaped, length bounded."""
    shown = "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in str(text)
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def brief(value: object) -> str:
    """Show any value from outside on one short line, however large or nested it is."""
    return printable(_BRIEF.repr(value))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ' Did you mean x or y?' with up to three near names, or ''."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
