"""Training data: prompts as they are measured, and replies as the model would end them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffbench.errors import ModelError, printable
from diffbench.harness.biography import harness_task
from diffbench.harness.lm import EngineLM
from diffbench.suite import AnyTask, BiographyDefinition, TaskDefinition
from diffbench.tuning.turns import Turn

__all__ = ["TrainingPrompt", "training_prompts"]

_NEXT_FIELD = "\n{"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPrompt:
    """One prompt with the replies that it should get.

    Attributes:
        task: The task that it is of, by name.
        family: The task's family.
        prompt_id: Its name within the task.
        prompt_sha256: Hash of its wording.
        target_sha256: Hash of the target distribution.
        tokens: The rendered prompt.
        replies: K replies, each with the tokens that end it.
        weights: (K,) target probabilities, summing to 1.
    """

    task: str
    family: str
    prompt_id: str
    prompt_sha256: str
    target_sha256: str
    tokens: tuple[int, ...]
    replies: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]

    @property
    def optimum(self) -> float:
        """The least loss that any model can have: the target's entropy, in nats."""
        return -math.fsum(p * math.log(p) for p in self.weights if p > 0)


def training_prompts(
    lm: EngineLM, tasks: Sequence[AnyTask], turn: Turn
) -> list[TrainingPrompt]:
    """Return every prompt of the tasks' splits, rendered as it is measured.

    Of a biography its first fields are trained, and what follows them, the end of the
    reply included, is left to the model.

    Raises:
        ModelError: If the tokenizer cannot write an outcome, or a prompt is too long.
    """
    return [prompt for task in tasks for prompt in _of_task(lm, task, turn)]


def _of_task(lm: EngineLM, definition: AnyTask, turn: Turn) -> Iterator[TrainingPrompt]:
    contexts = _contexts(lm, definition)
    sha256, weights = _target(definition)
    for prompt in definition.measured_prompts:
        # A reply that was begun already goes on where it stands.
        lead = "" if prompt.prefix else turn.lead
        if isinstance(definition, BiographyDefinition):
            replies = _beginnings(lm, definition, lead)
        else:
            replies = _replies(lm, definition, lead, turn.end)
        room = max(map(len, replies))
        yield TrainingPrompt(
            task=definition.name,
            family=definition.family,
            prompt_id=prompt.id,
            prompt_sha256=prompt.sha256,
            target_sha256=sha256,
            tokens=tuple(lm.prompt_ids(contexts[prompt.id], room=room)),
            replies=replies,
            weights=weights,
        )


def _target(definition: AnyTask) -> tuple[str, tuple[float, ...]]:
    """Return the hash of what is trained towards, and the share of each reply."""
    if isinstance(definition, TaskDefinition):
        return definition.target.sha256, definition.target.probabilities
    listed = json.dumps(definition.sketches)
    sha256 = hashlib.sha256(listed.encode()).hexdigest()
    n = len(definition.sketches)
    return sha256, (1 / n,) * n


def _contexts(lm: EngineLM, definition: AnyTask) -> dict[str, str]:
    """Render the prompts as the harness does when it measures them."""
    if isinstance(definition, TaskDefinition):
        definition = definition.as_mode("sampled")
    task = harness_task(definition)
    chat = lm.uses_chat_template
    task.build_all_requests(
        apply_chat_template=chat, chat_template=lm.apply_chat_template if chat else None
    )
    return {one.doc["id"]: str(one.args[0]) for one in task.instances}


def _replies(
    lm: EngineLM, definition: TaskDefinition, lead: str, end: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    answers = definition.canonical_answers()
    encoded = lm.vocabulary.encode_replies([lead + answer for answer in answers])
    replies = []
    for answer, tokens in zip(answers, encoded, strict=True):
        if not tokens:
            raise ModelError(
                f"this model's tokenizer cannot write {printable(answer)!r}, an answer of "
                f"{printable(definition.name)}, so that task cannot be trained"
            )
        replies.append((*tokens, *end))
    return tuple(replies)


def _beginnings(
    lm: EngineLM, definition: BiographyDefinition, lead: str
) -> tuple[tuple[int, ...], ...]:
    """Return each sketch's tokens as they are where the reply goes on.

    A closing brace may be one token with the line break behind it, which is then the
    model's own to write.
    """
    texts = [lead + sketch for sketch in definition.sketches]
    encoded = lm.vocabulary.encode_replies([text + _NEXT_FIELD for text in texts])
    beginnings = []
    for text, tokens in zip(texts, encoded, strict=True):
        written = tokens or []
        while written and not text.startswith(lm.vocabulary.decode_reply(written)):
            written = written[:-1]
        if not written:
            raise ModelError(
                f"this model's tokenizer cannot write {printable(text, 60)!r}, a sketch of "
                f"{printable(definition.name)}, so that task cannot be trained"
            )
        beginnings.append(tuple(written))
    return tuple(beginnings)
