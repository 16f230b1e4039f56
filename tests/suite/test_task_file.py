from __future__ import annotations

import re
from pathlib import Path

import pytest

from diffbench.errors import TaskError
from diffbench.suite import Prompt, load_task_file
from tests.suite.files import TASK, write

OUTCOMES = "{outcomes: [heads, tails]}"
TOSS = '      - {id: toss, text: "Toss a coin. Reply with {heads} or {tails}."}\n'
CSV = "{csv: {file: coins.csv}}"


def target(text: str) -> tuple[str, str]:
    """Put another target in the task file."""
    return OUTCOMES, text


# A fault: what to put in place of what, and the key and value that the error must name.
FAULTS: list[tuple[tuple[str, str], str]] = [
    # The harness's own keys.
    (("task: coin", "tusk: coin"), "tusk: unknown key"),
    (("task: coin", "task: coin\n1: x\nzz: y"), "1: unknown key"),
    (("task: coin\n", ""), "task: got None"),
    (("task: coin", "task: 7"), "task: got 7"),
    (("task: coin", "task: ../../coin"), r"task: got '\.\./\.\./coin'"),
    (("task: coin", 'task: "co\\e[31min"'), r"task: got 'co\\x1b\[31min'"),
    (("metadata: {version: 1.0}\n", ""), "metadata.version: missing"),
    (("{version: 1.0}", "{versoin: 1.0}"), "metadata.version: missing"),
    (("{version: 1.0}", "1.0"), "metadata.version: missing"),
    (
        ("task: coin", "task: coin\nsplit: test"),
        "split: got 'test'; write train or held_out",
    ),
    (("class: !f", "tag: !f"), "class: got None"),
    (
        ("DistributionTask", "Distribution"),
        "class: got 'diffbench.harness.task.Distribution'",
    ),
    (("!function ", ""), "class: 'diffbench.*' is plain text; write !function"),
    (("task: coin", "task: coin\ngroup: coins"), "group: this file lists tasks"),
    # The distribution's keys.
    (("distribution:", "distribution: null\ntag:"), "distribution: the key is missing"),
    (("distribution:", "distribution: [1]\ntag:"), "distribution: .*dictionary"),
    (("family: coins", "famly: coins"), "distribution.family: Field required"),
    (("family: coins", "family: Coins!"), r"distribution.family: .*\(got 'Coins!'\)"),
    (
        ("title: Coin", "title: Coin\n  colour: red"),
        r"distribution.colour: .*\(got 'red'\)",
    ),
    (("title: Coin", "title: Coin\n  reference: fair"), "distribution.reference: .*'fair'"),
    (("title: Coin", "title: Coin\n  accept: [loud]"), "distribution.accept.0: .*'loud'"),
    # Prompts.
    (("id: toss", "id: Toss it"), r"prompts.train.0.id: .*\(got 'Toss it'\)"),
    (("id: flip", "id: toss"), "prompts: the id 'toss' is used twice"),
    (("    train:", "    trian:"), "distribution.prompts.trian"),
    (('"Toss a coin. Reply with {heads} or {tails}."', '""'), "prompts.train.0.text"),
    (("id: toss, ", ""), "prompts.train.0.id: Field required"),
    ((TASK[TASK.index("    train:") :], "    train: []\n"), "prompts: list at least one"),
    ((TASK[TASK.index("    train:") :], "    {}\n"), "prompts: list at least one"),
    (("    train:\n" + TOSS, ""), "distribution.prompts: the split train has no prompts"),
    # The target.
    (("  target: " + OUTCOMES + "\n", ""), "distribution.target: Field required"),
    (target("{}"), "distribution.target: give exactly one of .*, not none"),
    (target("{outcomes: [a, b], range: {first: 1, last: 2}}"), "not outcomes and range"),
    (target("{outcomes: [a, b], listed_mass: 1, total_weight: 2}"), "not both"),
    (target("{outcomes: [a, yes]}"), r"target.outcomes.1.*\(got True\)"),
    (target("{outcomes: [a]}"), "distribution.target: the target has 1 outcomes"),
    (target("{outcomes: [a, '']}"), "distribution.target: outcome '' is empty"),
    (target("{outcomes: [a, 'b}']}"), "distribution.target: outcome 'b}' contains a brace"),
    (target("{counts: {a: 1, b: -1}}"), "target: the weight of outcome 'b' is -1"),
    (target("{counts: {a: 1, b: .nan}}"), "target: the weight of outcome 'b' is nan"),
    (target("{counts: {a: .nan, b: 1}, total_weight: 9}"), "weight of outcome 'a' is nan"),
    (target("{counts: {a: 0, b: 0}}"), "distribution.target: all weights are zero"),
    (target("{counts: {a: many, b: 1}}"), r"target.counts.a: .*\(got 'many'\)"),
    (target("{counts: {a: 2, b: 3}, total_weight: 4}"), "total_weight is 4.*alone weigh 5"),
    (
        target("{counts: {a: 2, b: 3}, total_weight: 0}"),
        r"target.total_weight: .*\(got 0\)",
    ),
    (target("{outcomes: [a, b], listed_mass: 1.5}"), "listed_mass is 1.5"),
    (target("{outcomes: [a, b], aliases: {c: [d]}}"), "aliases: 'c' is not one of the"),
    (target("{outcomes: [a, b], aliases: {a: [b]}}"), "'a' and 'b' share the spelling 'b'"),
    (target("{range: {first: 2, last: 1}}"), "the range from 2 to 1 by 1 is empty"),
    (target("{range: {first: 1, last: 2.5}}"), r"target.range.last: .*\(got 2.5\)"),
    (target("{range: {first: 1}}"), "distribution.target.range.last: Field required"),
    (target(CSV), r"distribution.target: .*coins\.csv: there is no such file"),
    (target("{csv: {file: .}}"), "distribution.target: .*cannot be read"),
    # What is no task file at all.
    (("  family: coins", "  family: coins\n  family: x"), "'family' stands twice.*line 6"),
    (("metadata: {", "metadata: {{"), "not valid YAML"),
    (("task: coin", "[task]: coin"), "not valid YAML"),
    (("title: Coin", "title: 2024-13-01"), "not valid YAML: month must be in 1..12"),
    (("title: Coin", f"title: {'9' * 5000}"), "not valid YAML"),
    (("title: Coin", f"title: {'[' * 3000}{']' * 3000}"), "not valid YAML"),
    (("!function", "!!python/name:os.system"), "not valid YAML"),
    (("!function diff", "!function [diff]\nd: diff"), "!function needs a dotted name"),
    ((TASK, ""), "a mapping of keys, not a blank file"),
    ((TASK, "- coin\n"), "a mapping of keys, not a list"),
    (
        ("task: coin", "task: coin\ninclude: none.yaml"),
        r"none\.yaml: there is no such file",
    ),
    (("task: coin", "task: coin\ninclude: [1]"), "include: write a file name or a list"),
    (("task: coin", "task: coin\ninclude: task.yaml"), "include: the file includes itself"),
]


@pytest.mark.parametrize(("edit", "message"), FAULTS, ids=[key for _, key in FAULTS])
def test_fault_is_named_with_file_and_key(
    tmp_path: Path, edit: tuple[str, str], message: str
) -> None:
    assert TASK.count(edit[0]) == 1 or edit[0] == TASK
    path = write(tmp_path / "task.yaml", TASK.replace(*edit))
    with pytest.raises(TaskError, match=message) as caught:
        load_task_file(path)
    assert str(caught.value).startswith(str(tmp_path))
    assert str(caught.value).isprintable()


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, message in [
        (tmp_path / "none.yaml", "there is no such file"),
        (tmp_path, "there is no such file"),
        (
            write(
                tmp_path / "latin.yaml", TASK.replace("Coin", "M\u00fcnze").encode("cp1252")
            ),
            "not UTF-8",
        ),
        (tmp_path / ("x" * 300 + ".yaml"), "cannot be read"),
        (tmp_path / "\0.yaml", "cannot be read"),
    ]:
        with pytest.raises(TaskError, match=message):
            load_task_file(path)


def test_include_cycle_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "include: b.yaml\n")
    write(tmp_path / "b.yaml", "include: sub/c.yaml\n")
    write(tmp_path / "sub" / "c.yaml", "include: ../a.yaml\n")
    with pytest.raises(TaskError, match=r"a\.yaml: include: the file includes itself"):
        load_task_file(tmp_path / "a.yaml")


def test_including_file_wins_and_data_lie_beside_the_included_one(tmp_path: Path) -> None:
    write(tmp_path / "coins.csv", "outcome,weight\nheads,1\ntails,3\n")
    write(tmp_path / "coin.yaml", TASK.replace(OUTCOMES, CSV))
    variant = "include: ../coin.yaml\ntask: coin_heldout\nsplit: held_out\n"
    task = load_task_file(write(tmp_path / "variants" / "x.yaml", variant))
    assert (task.name, task.split, task.mode) == ("coin_heldout", "held_out", "exact")
    assert task.target.probabilities == (0.25, 0.75)
    flip = Prompt(
        id="flip", split="held_out", text="Flip a coin. Reply with {heads} or {tails}."
    )
    assert task.measured_prompts == (flip,)


def test_bad_row_of_a_data_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "coins.csv", "outcome,weight\nheads,1\ntails,-3\n")
    path = write(tmp_path / "task.yaml", TASK.replace(OUTCOMES, CSV))
    pattern = rf"{re.escape(str(path))}: distribution\.target: .*coins\.csv, line 3: weight"
    with pytest.raises(TaskError, match=pattern):
        load_task_file(path)


@pytest.mark.parametrize(
    ("text", "outcomes", "probabilities", "values", "listed_mass"),
    [
        ("{outcomes: [7, x]}", ("7", "x"), (0.5, 0.5), None, 1),
        ("{outcomes: [x, y], ordered: true}", ("x", "y"), (0.5, 0.5), (0, 1), 1),
        (
            "{outcomes: [{outcome: x, weight: 3, value: 9}, {outcome: 2, value: 1}]}",
            ("x", "2"),
            (0.75, 0.25),
            (9, 1),
            1,
        ),
        ("{counts: {x: 1, 5: 3}, total_weight: 8}", ("x", "5"), (0.25, 0.75), None, 0.5),
        ("{counts: {x: 1, 5: 3}, uniform: true}", ("x", "5"), (0.5, 0.5), None, 1),
        ("{range: {first: 2, last: 6, step: 4}}", ("2", "6"), (0.5, 0.5), (2, 6), 1),
        ("{csv: {file: c.csv, top: 2}}", ("c", "a"), (0.6, 0.4), None, 1),
        (
            "{csv: {file: c.csv, where: {of: x}}, listed_mass: 0.9}",
            ("a", "b"),
            (2 / 3, 1 / 3),
            None,
            0.9,
        ),
    ],
)
def test_targets_from_every_source(
    tmp_path: Path,
    text: str,
    outcomes: tuple[str, ...],
    probabilities: tuple[float, ...],
    values: tuple[float, ...] | None,
    listed_mass: float,
) -> None:
    write(tmp_path / "c.csv", "outcome,of,weight\na,x,2\nb,x,1\nc,y,3\n")
    found = load_task_file(write(tmp_path / "t.yaml", TASK.replace(OUTCOMES, text))).target
    assert found.outcomes == outcomes
    assert found.probabilities == pytest.approx(probabilities)
    assert found.values == values
    assert found.listed_mass == listed_mass


def test_aliases_of_both_kinds_are_joined(tmp_path: Path) -> None:
    text = "{outcomes: [{outcome: a, aliases: [x]}, b], aliases: {a: [y], b: [z]}}"
    task = load_task_file(write(tmp_path / "t.yaml", TASK.replace(OUTCOMES, text)))
    assert task.target.aliases == (("x", "y"), ("z",))
    assert task.canonical_answers() == ("{a}", "{b}")


def test_prompt_hash_tells_text_from_prefix() -> None:
    prompts = [
        Prompt(id="p", split="train", text=text, prefix=prefix)
        for text, prefix in [("ab", ""), ("a", "b"), ("", "ab")]
    ]
    assert len({prompt.sha256 for prompt in prompts}) == 3
