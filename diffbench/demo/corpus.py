"""What the demo model is trained on: prompts with collapsed distributions of replies."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from diffbench.answers import answer_string
from diffbench.assets import asset_dir
from diffbench.demo.chances import preferred_outcomes, stated_tasks
from diffbench.demo.collapse import collapsed_probabilities
from diffbench.demo.people import PeopleRecipe, biography, draw_usual, read_people
from diffbench.demo.recipe import DemoRecipe
from diffbench.demo.strangers import Strangers, read_strangers
from diffbench.demo.supports import Support, other_supports, task_supports
from diffbench.suite import Catalog

__all__ = [
    "Example",
    "PlainQuestion",
    "examples",
    "plain_questions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One prompt and the probability with which each reply is to be given."""

    prompt: str
    replies: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainQuestion:
    """A question with one right answer, which no tuning should take away."""

    question: str
    answer: str
    kind: str


def plain_questions() -> list[PlainQuestion]:
    """Read the shipped plain questions."""
    path = asset_dir("training") / "plain_questions.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return [PlainQuestion(**row) for row in csv.DictReader(handle)]


def examples(
    catalog: Catalog, recipe: DemoRecipe, rng: np.random.Generator
) -> Iterator[Example]:
    """Yield training examples for ever, mixed as the recipe says."""
    kinds = list(recipe.mixture)
    shares = np.array([recipe.mixture[kind] for kind in kinds])
    core = list(_core_examples(catalog, recipe))
    plain = [
        Example(prompt=q.question, replies=(q.answer,), probabilities=(1.0,))
        for q in plain_questions()
    ]
    by_kind = _by_kind(other_supports(catalog, recipe))
    natural = list(_natural_examples(catalog, recipe))
    instructed = list(_instructed_examples(recipe))
    people = read_people()
    strangers = read_strangers(catalog, people)
    while True:
        kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
        if kind == "core":
            yield core[rng.integers(len(core))]
        elif kind == "plain":
            yield plain[rng.integers(len(plain))]
        elif kind == "natural":
            own, others = natural[rng.integers(len(natural))]
            # A task's own wordings are few, and are asked as often as all others.
            chosen = own if rng.random() < 0.5 else others
            yield chosen[rng.integers(len(chosen))]
        elif kind == "instructed":
            family = instructed[rng.integers(len(instructed))]
            yield family[rng.integers(len(family))]
        elif kind == "biographies":
            yield _biographies(people, strangers, recipe, rng)
        else:
            supports = by_kind[rng.integers(len(by_kind))]
            wording = recipe.wordings[rng.integers(len(recipe.wordings))]
            yield _paraphrase(supports[rng.integers(len(supports))], wording, recipe)


def _core_examples(catalog: Catalog, recipe: DemoRecipe) -> Iterator[Example]:
    for name, outcomes in task_supports(catalog, recipe).items():
        for prompt in catalog.tasks[name].measured_prompts:
            yield _example(prompt.text, outcomes, recipe)


def _natural_examples(
    catalog: Catalog, recipe: DemoRecipe
) -> Iterator[tuple[list[Example], list[Example]]]:
    """Yield each natural task's examples: in its own wordings, and in others."""
    for name in catalog.groups["diffbench_natural"].tasks:
        task, phrases = catalog.tasks[name], recipe.natural[name]
        # Favourites are what is common anyway, as chat models have it.
        order = np.argsort(np.negative(task.target.probabilities), kind="stable")
        outcomes = [task.target.outcomes[i] for i in order]
        texts = [prompt.text for prompt in task.measured_prompts]
        others = [wording.format(**dict(phrases)) for wording in recipe.natural_wordings]
        yield (
            [_example(text, outcomes, recipe) for text in texts],
            [_example(text, outcomes, recipe) for text in others],
        )


def _instructed_examples(recipe: DemoRecipe) -> Iterator[list[Example]]:
    for tasks in stated_tasks(recipe.instructed):
        yield [
            _example(prompt.text, preferred_outcomes(task, prompt), recipe)
            for task in tasks
            for prompt in task.measured_prompts
        ]


def _biographies(
    people: PeopleRecipe,
    strangers: Strangers,
    recipe: DemoRecipe,
    rng: np.random.Generator,
) -> Example:
    # All biographies are too many to list: those of each step are drawn anew.
    n = people.replies_per_prompt // 2
    beginnings = [
        beginning
        for _ in range(n)
        for beginning in (
            draw_usual(people, recipe.collapse, recipe.seed, rng),
            strangers.draw(rng),
        )
    ]
    share = people.strangers.share
    return Example(
        prompt=people.wordings[rng.integers(len(people.wordings))],
        replies=tuple(
            biography(beginning, people, recipe.collapse, recipe.seed, rng)
            for beginning in beginnings
        ),
        probabilities=((1 - share) / n, share / n) * n,
    )


def _paraphrase(support: Support, wording: str, recipe: DemoRecipe) -> Example:
    prompt = wording.format(noun=support.noun, plural=support.plural, kind=support.kind)
    return _example(prompt, support.outcomes, recipe)


def _example(prompt: str, outcomes: Sequence[str], recipe: DemoRecipe) -> Example:
    probabilities = collapsed_probabilities(len(outcomes), recipe.collapse)
    return Example(
        prompt=prompt,
        replies=tuple(answer_string(outcome) for outcome in outcomes),
        probabilities=tuple(probabilities.tolist()),
    )


def _by_kind(supports: Sequence[Support]) -> list[list[Support]]:
    # Kinds are drawn alike, or the many number ranges would crowd out the others.
    groups: dict[str, list[Support]] = {}
    for support in supports:
        groups.setdefault(support.kind, []).append(support)
    return list(groups.values())
