"""How a chat template begins and ends a reply.

What is trained has to end as the model's own turns end, or generation would not stop:
some end in the end-of-text token, some in an end-of-turn token, some put a blank before
or behind the reply. All of that is read off the template itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from diffbench.errors import ModelError, printable

__all__ = ["Turn", "assistant_turn"]

_MARK = "{DiffBench}"
_QUESTION = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What stands around a reply.

    Attributes:
        lead: White space between the generation prompt and the reply.
        end: Token ids behind the reply, the last of which ends it.
    """

    lead: str
    end: tuple[int, ...]


def assistant_turn(tokenizer: PreTrainedTokenizerBase, ends: list[int]) -> Turn:
    """Read how a model's turns are built off its chat template.

    Args:
        tokenizer: The model's own.
        ends: Token ids at which the model stops.

    Raises:
        ModelError: If nothing ends the model's replies.
    """
    if not getattr(tokenizer, "chat_template", None):
        return Turn(lead="", end=(_end_of_text(tokenizer, ends),))
    question = [{"role": "user", "content": _QUESTION}]
    asked = _render(tokenizer, question, add_generation_prompt=True)
    answered = _render(
        tokenizer,
        [*question, {"role": "assistant", "content": _MARK}],
        add_generation_prompt=False,
    )
    before, found, after = answered.rpartition(_MARK)
    if not found:
        return Turn(lead="", end=(_end_of_text(tokenizer, ends),))
    lead = before[len(asked) :] if before.startswith(asked) else ""
    if lead.strip():
        raise ModelError(
            f"this model's chat template writes {printable(lead, 60)!r} before a reply, "
            "which is no white space, so an answer is not the beginning of its replies"
        )
    return Turn(lead=lead, end=_end(tokenizer, after, ends))


def _end(
    tokenizer: PreTrainedTokenizerBase, after: str, ends: list[int]
) -> tuple[int, ...]:
    # Behind the answer, as it will stand: some tokenizers put a blank before a text.
    answer = tokenizer.encode(_MARK, add_special_tokens=False)
    tokens = tokenizer.encode(_MARK + after, add_special_tokens=False)
    if tokens[: len(answer)] == answer:
        tokens = tokens[len(answer) :]
    else:
        tokens = tokenizer.encode(after, add_special_tokens=False)
    for stops in (set(ends), set(tokenizer.all_special_ids)):
        for i, token in enumerate(tokens):
            if token in stops:
                return tuple(tokens[: i + 1])
    return (_end_of_text(tokenizer, ends),)


def _end_of_text(tokenizer: PreTrainedTokenizerBase, ends: list[int]) -> int:
    end = tokenizer.eos_token_id
    if end is None and ends:
        end = ends[0]
    if end is None:
        raise ModelError(
            "neither the chat template nor the tokenizer says how a reply ends, so none "
            "can be trained; set eos_token in the tokenizer"
        )
    return int(end)


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], **more: Any
) -> str:
    return str(
        tokenizer.apply_chat_template(
            messages, tokenize=False, enable_thinking=False, **more
        )
    )
