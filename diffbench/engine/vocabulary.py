"""Texts of single tokens, and reply tokens as generation would produce them.

A reply follows the generation prompt's fixed tokens and is tokenised apart from it, so
nothing ever merges across that border.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

__all__ = ["Vocabulary"]

# Contexts after which a reply is tokenised; the first that keeps its own tokens serves.
_ANCHORS = ("\n", "a\n", "a", ":", "}")
_DECODE_ANCHOR = "a"


class Vocabulary:
    """What a tokenizer's tokens say inside a reply.

    Args:
        tokenizer: The model's own tokenizer.
        size: Number of logits of the model; it may exceed the tokenizer's vocabulary.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, size: int) -> None:
        self._tokenizer = tokenizer
        self.size = size
        self._replies: dict[str, list[int] | None] = {}
        self._closers: dict[int, NDArray[np.int64]] = {}

    def encode_reply(self, text: str) -> list[int] | None:
        """Return the canonical tokens of a text at the beginning of a reply.

        None if no tokens say just this text: a tokenizer that lower-cases cannot write
        `{Red}`, so a reply never is it.
        """
        return self.encode_replies([text])[0]

    def encode_replies(self, texts: Sequence[str]) -> list[list[int] | None]:
        """Return the canonical tokens of many texts, each at the beginning of a reply.

        Tokenizers that put a blank before the first word (SentencePiece) would do so
        here too, so a text is tokenised behind an anchor that is cut off again.
        """
        unknown = [text for text in dict.fromkeys(texts) if text not in self._replies]
        for anchor in _ANCHORS:
            if unknown:
                self._replies |= self._encode_behind(anchor, unknown)
                unknown = [text for text in unknown if text not in self._replies]
        self._replies |= dict.fromkeys(unknown)
        found = [self._replies[text] for text in texts]
        return [None if tokens is None else list(tokens) for tokens in found]

    def _encode_behind(
        self, anchor: str, texts: Sequence[str]
    ) -> dict[str, list[int] | None]:
        """Encode the texts whose tokens do not merge with those of the anchor."""
        before = self._encode(anchor)
        whole = self._tokenizer(
            [anchor + text for text in texts],
            add_special_tokens=False,
            return_attention_mask=False,
        )["input_ids"]
        start = len(self._decode(before))
        decoded = self._tokenizer.batch_decode(whole, clean_up_tokenization_spaces=False)
        return {
            text: list(tokens[len(before) :])
            for text, tokens, said in zip(texts, whole, decoded, strict=True)
            if tokens[: len(before)] == before
            and len(tokens) > len(before)
            and said[start:] == text
        }

    def decode_reply(self, tokens: Sequence[int]) -> str:
        """Return the text of reply tokens; special tokens stay visible."""
        return self._decode(tokens)

    def closers(self, last: int) -> NDArray[np.int64]:
        """Return every token whose text begins with the text of the token `last`.

        Vocabularies hold `}`, `}.`, `})` and more. Whichever of them comes, the
        reply's answer is complete, so a sampler accepts them all. The token itself is
        always among them.
        """
        if last not in self._closers:
            remaining = self.texts[last]
            matching = {
                token
                for token, text in enumerate(self.texts)
                if remaining and text.startswith(remaining)
            }
            self._closers[last] = np.array(sorted({last} | matching), dtype=np.int64)
        return self._closers[last]

    @cached_property
    def texts(self) -> list[str]:
        """Text of each token inside a reply, by id; '' for special tokens."""
        anchor = self._encode(_DECODE_ANCHOR)
        special = set(self._tokenizer.all_special_ids)
        count = min(self.size, len(self._tokenizer))
        decoded = self._tokenizer.batch_decode(
            [[*anchor, token] for token in range(count)],
            clean_up_tokenization_spaces=False,
        )
        start = len(self._decode(anchor))
        texts = [
            "" if token in special else text[start:] for token, text in enumerate(decoded)
        ]
        return texts + [""] * (self.size - count)

    @cached_property
    def closing_braces(self) -> NDArray[np.int64]:
        """(size,) how many closing braces each token contains."""
        return np.array([text.count("}") for text in self.texts], dtype=np.int64)

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False))
