"""Tokens of replies and the tokens that close them."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from diffbench.engine.vocabulary import Vocabulary
from tests.helpers import byte_tokenizer


def _sentencepiece_like() -> PreTrainedTokenizerBase:
    """A tokenizer that puts a blank before the first word, as Llama 2's does."""
    pieces = ["<unk>", "</s>", "▁", "{", "}", "▁{", "5", "7", "a", ":", "\n", "}."]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: i for i, piece in enumerate(pieces)},
            merges=[("▁", "{"), ("}", ".")] if "." in pieces else [("▁", "{")],
            unk_token="<unk>",
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>"
    )


@pytest.mark.parametrize("text", ["{7}", " {7}", "\n{7}", "{São Tomé}", "{10}"])
def test_reply_tokens_say_the_text(text: str) -> None:
    vocabulary = Vocabulary(byte_tokenizer(), len(byte_tokenizer()))
    tokens = vocabulary.encode_reply(text)
    assert tokens is not None
    assert vocabulary.decode_reply(tokens) == text


def test_no_blank_is_slipped_in_before_a_reply() -> None:
    tokenizer = _sentencepiece_like()
    vocabulary = Vocabulary(tokenizer, len(tokenizer))
    plain = tokenizer.convert_ids_to_tokens(vocabulary.encode_reply("{5}"))
    blank = tokenizer.convert_ids_to_tokens(vocabulary.encode_reply(" {5}"))
    assert plain == ["{", "5", "}"]
    assert blank == ["▁{", "5", "}"]


def test_closers_are_all_tokens_that_begin_with_what_remains() -> None:
    tokenizer = byte_tokenizer()
    vocabulary = Vocabulary(tokenizer, len(tokenizer) + 3)
    tokens = vocabulary.encode_reply("{7}")
    assert tokens is not None
    last = tokens[-1]
    closers = vocabulary.closers(last).tolist()
    texts = {vocabulary.texts[token] for token in closers}
    assert texts == {"}", "}\n", "}."}
    assert last in closers


def test_special_and_padding_tokens_say_nothing() -> None:
    tokenizer = byte_tokenizer()
    vocabulary = Vocabulary(tokenizer, len(tokenizer) + 3)
    assert vocabulary.texts[0] == vocabulary.texts[1] == ""
    assert vocabulary.texts[-3:] == ["", "", ""]
    assert vocabulary.closing_braces.sum() == 3


def test_a_text_that_the_tokenizer_cannot_write_has_no_tokens() -> None:
    """A lower-casing tokenizer would give `{Red}` the tokens, and the mass, of `{red}`."""
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    vocabulary = Vocabulary(tokenizer, len(tokenizer))
    assert vocabulary.encode_reply("{red}") is not None
    assert vocabulary.encode_reply("{Red}") is None
