"""Train the demo model from scratch on the CPU."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from diffbench.demo.corpus import Example, examples, plain_questions
from diffbench.demo.recipe import DemoRecipe
from diffbench.demo.tokenizer import END, train_tokenizer
from diffbench.engine.loss import LossRow, loss_rows, tree_loss
from diffbench.suite import Catalog

__all__ = ["build_demo_model", "tokenizer_texts"]

_TOKENIZER_EXAMPLES = 6000
_ROWS_A_PASS = 6
_PADDING = 1.3
_BETAS = (0.9, 0.98)


def build_demo_model(
    catalog: Catalog,
    recipe: DemoRecipe,
    output: Path,
    report: Callable[[int, float], None],
) -> None:
    """Train tokenizer and model, and save them in bfloat16.

    Args:
        catalog: The shipped tasks.
        recipe: Sizes, seed, mixture and wordings.
        output: Folder for the model's files.
        report: Called after each step with the step and its loss in nats.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = train_tokenizer(tokenizer_texts(catalog, recipe), recipe.vocabulary_size)
    model = _new_model(recipe, tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=recipe.training.learning_rate,
        betas=_BETAS,
        weight_decay=recipe.training.weight_decay,
    )
    rng = np.random.default_rng(recipe.seed)
    batches = _batches(catalog, recipe, tokenizer, rng)
    for step, batch in enumerate(itertools.islice(batches, recipe.training.steps)):
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(step, recipe)
        optimizer.zero_grad()
        loss = _backward(model, batch)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        report(step + 1, loss)
    model.to(torch.bfloat16).save_pretrained(output)
    tokenizer.save_pretrained(output)


def tokenizer_texts(catalog: Catalog, recipe: DemoRecipe) -> Iterator[str]:
    """Yield the texts that the tokenizer learns its merges from."""
    rng = np.random.default_rng(recipe.seed)
    for example in itertools.islice(examples(catalog, recipe, rng), _TOKENIZER_EXAMPLES):
        yield example.prompt
        yield from example.replies[:8]
    for task in catalog.tasks.values():
        yield from task.canonical_answers()
    for question in plain_questions():
        yield question.question
        yield question.answer


def _backward(model: LlamaForCausalLM, batch: Sequence[LossRow]) -> float:
    """Add the gradient of a batch's mean loss, and return that loss, nats."""
    total = 0.0
    for rows in _passes(batch):
        loss = tree_loss(model, rows).sum() / len(batch)
        torch.autograd.backward(loss)
        total += loss.item()
    return total


def _passes(batch: Sequence[LossRow]) -> Iterator[list[LossRow]]:
    """Yield rows of like size together, since all of a pass are padded to its largest."""
    rows: list[LossRow] = []
    for row in sorted(batch, key=lambda row: row.size):
        full = len(rows) == _ROWS_A_PASS
        if rows and (full or row.size > _PADDING * rows[0].size):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _new_model(recipe: DemoRecipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    end = tokenizer.convert_tokens_to_ids(END)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
        **recipe.model.model_dump(),
    )
    return LlamaForCausalLM(config)


def _learning_rate(step: int, recipe: DemoRecipe) -> float:
    settings = recipe.training
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * warm * (0.02 + 0.98 * cosine)


def _batches(
    catalog: Catalog,
    recipe: DemoRecipe,
    tokenizer: PreTrainedTokenizerFast,
    rng: np.random.Generator,
) -> Iterator[list[LossRow]]:
    stream = examples(catalog, recipe, rng)
    while True:
        chosen = list(itertools.islice(stream, recipe.training.prompts_per_step))
        yield [
            row
            for example in chosen
            for replies, weights in [_draw(example, recipe, rng)]
            for row in loss_rows(
                _prompt_ids(example.prompt, tokenizer),
                [_reply_ids(reply, tokenizer) for reply in replies],
                weights,
            )
        ]


def _draw(
    example: Example, recipe: DemoRecipe, rng: np.random.Generator
) -> tuple[Sequence[str], list[float]]:
    # Replies drawn from the distribution stand for it: unbiased, and a far smaller tree
    # than that of 200 names. Half are drawn evenly, with weights that make up for it, so
    # that rare ones are not seen too rarely to be learnt.
    n = recipe.training.replies_per_prompt
    if len(example.replies) <= n:
        return example.replies, list(example.probabilities)
    p = np.asarray(example.probabilities)
    proposal = (p + 1 / len(p)) / 2
    counts = rng.multinomial(n, proposal / proposal.sum())
    seen = np.flatnonzero(counts)
    weights = counts[seen] / n * p[seen] / proposal[seen]
    return [example.replies[i] for i in seen], weights.tolist()


def _prompt_ids(prompt: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        tokenize=False,
        add_generation_prompt=True,
    )
    return list(tokenizer.encode(str(text), add_special_tokens=False))


def _reply_ids(reply: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    return list(tokenizer.encode(reply + END, add_special_tokens=False))
