"""Names of options, numbers in words, and lists as English writes them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["COLOURS", "THEMES", "comma_list", "number_word"]

THEMES: tuple[tuple[str, ...], ...] = (
    ("copper", "iron", "lead", "nickel", "silver", "tin", "titanium", "tungsten", "zinc"),
    ("ash", "beech", "birch", "cedar", "elm", "maple", "oak", "pine", "willow"),
    ("cello", "drum", "flute", "guitar", "harp", "oboe", "piano", "trumpet", "violin"),
    ("badger", "deer", "fox", "hare", "lynx", "otter", "rabbit", "squirrel", "wolf"),
    ("axe", "chisel", "drill", "file", "hammer", "pliers", "saw", "spade", "wrench"),
    ("basil", "chive", "dill", "fennel", "mint", "parsley", "rosemary", "sage", "thyme"),
    ("bus", "canoe", "ferry", "glider", "scooter", "sled", "tram", "truck", "van"),
    ("amber", "garnet", "jade", "jasper", "onyx", "opal", "pearl", "ruby", "topaz"),
)
"""Words of one kind each, so that nothing but the stated chances sets them apart."""

COLOURS = ("red", "blue", "green", "yellow", "white", "black", "orange", "purple")

_WORDS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
)


def number_word(number: int) -> str:
    """Return 0 to 15 in words."""
    return _WORDS[number]


def comma_list(parts: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"
