"""Small real models and tokenizers that tests make themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant:{% endif %}"
)
# Ends in a newline, which lm-evaluation-harness moves into the answer.
CHATML = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


def byte_tokenizer(
    extra: Sequence[str] = ("}Ċ", "}.", "Ġ{", "10"), template: str | None = TEMPLATE
) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with merged tokens, `}.` and one more among them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<s>", "</s>", *alphabet, *extra])}
    merges = [(token[:1], token[1:]) for token in extra]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="</s>",
        pad_token="</s>",
        bos_token="<s>",
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def tiny_llama(vocabulary_size: int, seed: int = 0, spread: float = 0.3) -> PreTrainedModel:
    """Return a random two-layer Llama whose distributions are far from uniform."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=spread,
        bos_token_id=0,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).eval()


def save_model(folder: Path, *, template: str | None, seed: int = 0) -> Path:
    """Write a random model with its tokenizer, as a user's local folder would hold it."""
    tokenizer = byte_tokenizer(template=template)
    tiny_llama(len(tokenizer), seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.inference_mode()
def plain_log_p(
    model: PreTrainedModel, prompt: Sequence[int], reply: Sequence[int]
) -> torch.Tensor:
    """Score one reply by one unpadded forward pass: (len(reply), V) log-probabilities."""
    ids = torch.tensor([[*prompt, *reply]])
    logits = model(input_ids=ids, use_cache=False).logits[0].double()
    return torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
