"""Whether a server's replies are independent draws, tested before anything is measured.

A cache between here and the model, one seed for all calls, or greedy decoding sends
copies, and copies would look like a collapsed model. So the server is asked some times
for something whose honest replies practically never coincide, by calls that differ from
the measurement's in nothing but the prompt and a high temperature. A model may have one
favourite reply to a prompt, but hardly to three such prompts, at that temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diffbench.errors import ServerError
from diffbench.harness.server.failures import RefusedError
from diffbench.harness.server.lm import Ask, ChatLM
from diffbench.harness.server.seeds import call_seed
from diffbench.results import Independence

__all__ = ["PROBE_CALLS", "PROBE_PROMPTS", "check_independence"]

PROBE_CALLS = 12
PROBE_PROMPTS = (
    "Write 60 random lowercase letters in a row, without spaces.",
    "Tell me a short story about an animal that nobody has told before.",
    "Write a list of 30 random words, separated by commas.",
)
_TOKENS = 64
# The highest that OpenAI's API takes; others take less, or cap it.
_HOT, _NEUTRAL = 2.0, 1.0
_SUSPICIOUS = 0.5


@dataclass(slots=True)
class _Drawn:
    n: int = 0
    n_copies: int = 0


def check_independence(lm: ChatLM) -> Independence:
    """Ask for random things and compare the replies.

    Raises:
        ServerError: If at least half of the replies to every prompt are copies, or the
            server fails.
    """
    total = _Drawn()
    least = 1.0
    for name, prompt in enumerate(PROBE_PROMPTS):
        replies = _replies(lm, str(name), prompt)
        n_copies = len(replies) - len(set(replies))
        total.n += len(replies)
        total.n_copies += n_copies
        least = min(least, n_copies / (len(replies) - 1))
        if n_copies == 0:
            break
    if least >= _SUSPICIOUS:
        raise ServerError(
            f"the server at {lm.server.address} sent {total.n} replies to requests for "
            f"random letters, stories and words, and {total.n_copies} of them are copies "
            "of another: it caches replies, uses one seed for all calls or does not "
            "sample, so its replies are no independent draws; switch that off there"
        )
    return Independence(
        verdict="shown" if least == 0 else "unproven",
        seeds="one_a_call" if lm.sends_seeds else "none_sent",
        probe_calls=total.n,
        probe_copies=total.n_copies,
    )


def _replies(lm: ChatLM, name: str, prompt: str) -> Sequence[str]:
    """Draw the first alone, so that a cache has it before the others ask."""
    replies: list[str] = []
    context = lm.apply_chat_template([{"role": "user", "content": prompt}])

    def asks(numbers: range, temperature: float) -> list[Ask]:
        settings: dict[str, Any] = {
            "temperature": temperature,
            "top_p": 1.0,
            "max_gen_toks": _TOKENS,
        }
        return [
            Ask(
                context=context,
                settings=settings,
                seed=call_seed(lm.run_seed, "probe", name, number),
                keep=replies.append,
            )
            for number in numbers
        ]

    temperature = _HOT
    try:
        lm.ask(asks(range(1), temperature))
    except RefusedError:
        temperature = _NEUTRAL
        lm.ask(asks(range(1), temperature))
    lm.ask(asks(range(1, PROBE_CALLS), temperature))
    return replies
