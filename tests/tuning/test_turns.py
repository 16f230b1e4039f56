"""How replies begin and end, by the templates that models really have."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerFast

from diffbench.errors import ModelError
from diffbench.tuning.turns import Turn, assistant_turn
from tests.helpers import byte_tokenizer

# In the words of the models' own templates, system messages and tools left out.
LLAMA_2 = (
    "{% for m in messages %}{% if m['role'] == 'user' %}"
    "{{ '<s>[INST] ' + m['content'] | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] | trim + ' </s>' }}{% endif %}{% endfor %}"
)
MISTRAL = (
    "{{ '<s>' }}{% for m in messages %}{% if m['role'] == 'user' %}"
    "{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + '</s>' }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ '<s>' }}{% for m in messages %}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) }}"
    "{{ '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}"
    "{{ '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
# Qwen3 writes the empty thinking block into the generation prompt, not into the answer.
THINKING = CHATML.replace(
    "assistant\\n' }}",
    "assistant\\n' }}{% if enable_thinking is false %}{{ '<think></think>' }}{% endif %}",
)
SPECIAL = ["<end_of_turn>", "<|im_end|>"]


def _tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    tokenizer = byte_tokenizer(template=template)
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    return tokenizer


@pytest.mark.parametrize(
    ("template", "ends", "lead", "end"),
    [
        (None, ["</s>"], "", "</s>"),
        (LLAMA_2, ["</s>"], " ", " </s>"),
        (MISTRAL, ["</s>"], " ", "</s>"),
        (GEMMA, ["</s>", "<end_of_turn>"], "", "<end_of_turn>"),
        # Where the configuration forgets the turn's end, the template still has it.
        (GEMMA, ["</s>"], "", "<end_of_turn>"),
        (CHATML, ["<|im_end|>"], "", "<|im_end|>"),
        (THINKING, ["<|im_end|>"], "", "<|im_end|>"),
    ],
)
def test_the_turn_is_read_off_the_template(
    template: str | None, ends: list[str], lead: str, end: str
) -> None:
    tokenizer = _tokenizer(template)
    ids = [int(token) for token in tokenizer.convert_tokens_to_ids(ends)]
    expected = tokenizer.encode(end, add_special_tokens=False)
    assert assistant_turn(tokenizer, ids) == Turn(lead=lead, end=tuple(expected))


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m['content'] }}{% endfor %}",
        # One that shows users' messages only.
        "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}",
    ],
)
def test_a_template_that_ends_no_turn_leaves_it_to_the_end_of_text(template: str) -> None:
    tokenizer = _tokenizer(template)
    assert assistant_turn(tokenizer, []).end == (tokenizer.eos_token_id,)


def test_a_model_whose_replies_never_end_is_refused() -> None:
    tokenizer = _tokenizer(None)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="how a reply ends"):
        assistant_turn(tokenizer, [])


def test_words_before_every_reply_are_refused() -> None:
    channel = CHATML.replace(
        "m['role'] + '\\n' + m['content']",
        "m['role'] + '\\n' + ('final: ' if m['role'] == 'assistant' else '') "
        "+ m['content']",
    )
    with pytest.raises(ModelError, match="'final: ' before a reply"):
        assistant_turn(_tokenizer(channel), [])
