"""How two measurements were made differently, which a reader has to know."""

from __future__ import annotations

from collections.abc import Iterator

from diffbench.compare import Measurement
from diffbench.errors import printable

__all__ = ["made_differently"]

_MODEL = ("id", "revision", "dtype", "parameters", "architecture")
_HASHES = ("weights_fingerprint", "tokenizer_sha256", "chat_template_sha256")
_SETTINGS = ("estimator", "samples", "seed", "limit", "max_new_tokens")
_DIGITS = 12


def made_differently(before: Measurement, after: Measurement) -> list[tuple[str, str, str]]:
    """Return (what, before, after) for each difference, as printable text."""
    return [
        (what, _text(ours), _text(theirs))
        for what, ours, theirs in _pairs(before, after)
        if ours != theirs
    ]


def _pairs(before: Measurement, after: Measurement) -> Iterator[tuple[str, object, object]]:
    for name in _MODEL:
        yield f"model {name}", getattr(before.model, name), getattr(after.model, name)
    for name in _HASHES:
        ours, theirs = getattr(before.model, name), getattr(after.model, name)
        what = name.removesuffix("_sha256").replace("_", " ")
        yield what, ours and ours[:_DIGITS], theirs and theirs[:_DIGITS]
    yield "adapter", _adapter(before), _adapter(after)
    for name in _SETTINGS:
        what = name.replace("_", " ")
        yield what, getattr(before.settings, name), getattr(after.settings, name)
    yield "hardware", before.hardware, after.hardware
    for name in sorted({*before.packages, *after.packages}):
        yield printable(name, 40), before.packages.get(name), after.packages.get(name)


def _adapter(measurement: Measurement) -> str | None:
    adapter = measurement.model.adapter
    return None if adapter is None else adapter.sha256[:_DIGITS]


def _text(value: object) -> str:
    return "none" if value is None else printable(value, 80)
