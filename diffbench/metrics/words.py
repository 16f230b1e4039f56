"""How varied the words of many replies are."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from diffbench.metrics.richness import rarefied_distinct
from diffbench.metrics.value import MetricValue

__all__ = ["distinct_ngrams", "unigram_diversity", "words"]

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


def words(text: str) -> list[str]:
    """Return a text's words, folded to one case.

    A word is a run of letters and digits, hyphens and apostrophes within it included.
    Scripts that write no blanks between words give one word a run.
    """
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def distinct_ngrams(texts: Sequence[Sequence[str]], size: int) -> MetricValue:
    """Return the number of distinct n-grams divided by the number of all.

    Args:
        texts: The words of each text; n-grams do not reach from one to the next.
        size: Words of an n-gram, at least 1.

    Returns:
        Share, above 0 to 1; it falls as texts are added, so it compares at equal numbers
        of replies only. Null where there is no n-gram.

    Reference:
        Li et al. (2016), NAACL-HLT, "distinct-1" and "distinct-2".
    """
    counts = Counter(gram for text in texts for gram in _ngrams(text, size))
    total = counts.total()
    if total == 0:
        return MetricValue(value=None, reason=f"no text has {size} words")
    return MetricValue(value=len(counts) / total)


def unigram_diversity(texts: Sequence[Sequence[str]], n: int) -> MetricValue:
    """Return the expected share of distinct words among n words of the texts.

    sum_w (1 - C(T - t_w, n) / C(T, n)) / n, with t_w the uses of word w and T their sum:
    the type-token ratio of n words drawn from all, which does not depend on how many
    there are.

    Args:
        texts: The words of each text.
        n: Words of the sample, at least 1.

    Returns:
        Share, 1 / n to 1; null where there are fewer than n words.

    Reference:
        HD-D of McCarthy and Jarvis (2010), Behavior Research Methods 42(2), with n words
        instead of 42.
    """
    counts = Counter(word for text in texts for word in text)
    total = counts.total()
    if total < n:
        return MetricValue(value=None, reason=f"there are {total} words, fewer than {n}")
    uses = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
    return MetricValue(value=rarefied_distinct(uses, total, n) / n)


def _ngrams(text: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(len(text) - size + 1):
        yield tuple(text[start : start + size])
