from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.errors import TaskError
from diffbench.suite import (
    BiographyDefinition,
    Prompt,
    TaskDefinition,
    load_paper_folder,
    load_paper_prompt,
    shipped_catalog,
)
from tests.suite.files import write, write_prompt


def load(path: Path, **keys: object) -> TaskDefinition:
    task = load_paper_prompt(write_prompt(path / "rng" / "coin toss.json", **keys))
    assert isinstance(task, TaskDefinition)
    return task


def test_uniform_prompt_becomes_a_closed_task(tmp_path: Path) -> None:
    task = load(tmp_path, eos=True)
    assert (task.name, task.title) == ("prompt_rng_coin_toss", "rng/coin toss")
    assert (task.family, task.mode, task.split) == ("prompt_files", "exact", "train")
    assert task.reference == "uniform"
    assert task.target.outcomes == ("heads", "tails")
    assert task.target.probabilities == (0.5, 0.5)
    assert task.canonical_answers() == ("{heads}", "{tails}")
    assert task.measured_prompts == (
        Prompt(id="response-0", split="train", text="Toss a coin."),
    )


def test_weighted_prompt(tmp_path: Path) -> None:
    task = load(tmp_path, weights=[3, 1])
    assert task.reference == "theoretical"
    assert task.target.probabilities == (0.75, 0.25)


def test_begun_reply_is_a_prefix_and_each_of_several_a_prompt(tmp_path: Path) -> None:
    begun = load(tmp_path, response="It shows ").measured_prompts
    assert [prompt.prefix for prompt in begun] == ["It shows "]
    several = load(tmp_path, response=["", "It shows "]).measured_prompts
    assert [(prompt.id, prompt.prefix) for prompt in several] == [
        ("response-0", ""),
        ("response-1", "It shows "),
    ]
    assert len({prompt.sha256 for prompt in several}) == 2
    assert [prompt.prefix for prompt in load(tmp_path, response=[]).measured_prompts] == [
        ""
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weights": [1]}, "weights: 1 values for 2 targets"),
        ({"weights": []}, "weights: 0 values for 2 targets"),
        ({"weights": [1, 2, 3]}, "weights: 3 values for 2 targets"),
        ({"weights": [1, -1]}, "targets: the weight of outcome 'tails' is -1"),
        ({"weights": [1, float("nan")]}, "targets: the weight of outcome 'tails' is nan"),
        ({"weights": [0, 0]}, "targets: all weights are zero"),
        ({"weights": ["heavy", 1]}, "weights.0: .*number"),
        ({"targets": ["{a}"]}, "targets: the target has 1 outcomes"),
        ({"targets": ["{a}", "{a}"]}, "targets: outcome 'a' is listed twice"),
        ({"targets": ["{a}", "{}"]}, "targets: outcome '' is empty"),
        ({"targets": ["{a}", "b"]}, "targets: 'b' is not one answer in braces"),
        ({"targets": ["{a}", "{b"]}, "targets: '{b' is not one answer in braces"),
        ({"targets": ["{a}", "so {b}"]}, "targets: 'so {b}' is not one answer"),
        ({"targets": ["{a}", "{b\x07}"]}, r"targets: outcome 'b\S+x07' contains a control"),
        ({"targets": "{a}"}, "targets: .*list"),
        ({"targets": None}, "targets: .*list"),
        ({"request": ""}, "request: .*at least 1 character"),
        ({"request": 7}, "request: .*string"),
        ({"response": 7}, "response.*: .*string"),
        ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
    ],
)
def test_broken_prompt_is_refused(
    tmp_path: Path, keys: dict[str, object], message: str
) -> None:
    with pytest.raises(TaskError, match=rf"coin toss\.json: {message}") as caught:
        load(tmp_path, **keys)
    assert str(caught.value).isprintable()
    with pytest.raises(TaskError, match=message):  # broken, not open: a folder stops too
        load_paper_folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a JSON prompt file"),
        ("{'request': 'x'}", "not a JSON prompt file"),
        ('{"request": "x"', "not a JSON prompt file"),
        (b"\xff\xfe", "not a JSON prompt file"),
        ("[" * 100_000, "not a JSON prompt file"),
        ("1" * 5000, "not a JSON prompt file"),
        ("[]", "the file: .*dictionary"),
        ("{}", "request: Field required"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_other_content_is_refused(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(TaskError, match=rf"x\.json: {message}"):
        load_paper_prompt(write(tmp_path / "x.json", content))


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"none\.json: there is no such file"):
        load_paper_prompt(tmp_path / "none.json")
    with pytest.raises(TaskError, match="cannot be read"):
        load_paper_prompt(tmp_path / ("x" * 300 + ".json"))


def test_open_prompts_are_left_out_and_named(tmp_path: Path) -> None:
    write_prompt(tmp_path / "a.json", targets=["{Ada}, born {1815}", "{Bo}, born {1900}"])
    write_prompt(tmp_path / "b.json", targets=[])
    write_prompt(tmp_path / "sub" / "c.json")
    tasks, left_out = load_paper_folder(tmp_path)
    assert [task.name for task in tasks] == ["prompt_sub_c"]
    biography, anything = left_out
    assert "a.json: targets: '{Ada}, born {1815}' has several braces" in biography
    assert "b.json: targets: the list is empty" in anything
    with pytest.raises(TaskError, match="has several braces"):
        load_paper_prompt(tmp_path / "a.json")


SIX = "Make up a person.\n{name}\n{gender}\n{birth}\n{place}\n{profession}\n{deed}"
SKETCH = "{Ines Halvorsen}\n{Female}\n{March 03, 1958}\n{Bergen, Norway}"


@pytest.mark.parametrize("targets", [[], [SKETCH, SKETCH.replace("Ines", "Inga")]])
def test_requests_for_six_braces_are_biographies(
    tmp_path: Path, targets: list[str]
) -> None:
    write_prompt(tmp_path / "people.json", request=SIX, targets=targets, eos=False)
    tasks, left_out = load_paper_folder(tmp_path)
    assert left_out == []
    (task,) = tasks
    assert isinstance(task, BiographyDefinition)
    assert task.sketches == tuple(targets)
    assert task.measured_prompts[0].text == SIX
    shipped = shipped_catalog().biographies["diffbench_biographies"]
    assert task.references == shipped.references
    (chosen,) = shipped_catalog().select([str(tmp_path)]).biographies
    assert chosen == task


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"targets": ["{Ines} was {Female}"]}, "targets: '{Ines} was {Female}' begins no"),
        ({"targets": ["{" * 9]}, "targets: '{+' begins no sketch"),
        ({"targets": [SKETCH], "weights": [1]}, "weights: sketches weigh alike"),
    ],
)
def test_broken_biographies_are_refused(
    tmp_path: Path, keys: dict[str, object], message: str
) -> None:
    path = write_prompt(tmp_path / "people.json", request=SIX, **keys)
    with pytest.raises(TaskError, match=message):
        load_paper_prompt(path)


def test_prompt_files_that_get_one_name_are_refused(tmp_path: Path) -> None:
    write_prompt(tmp_path / "coin toss.json")
    write_prompt(tmp_path / "Coin-Toss.json", request="Flip a coin.")
    with pytest.raises(TaskError, match=r"Coin-Toss\.json and coin toss\.json"):
        shipped_catalog().select([str(tmp_path)])
