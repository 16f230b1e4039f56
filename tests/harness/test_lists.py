"""The protocol `list` from its options to a results file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffbench.answers import answer_string
from diffbench.api import prepare
from diffbench.compare import measurement_of, pair_tasks
from diffbench.errors import SettingsError, TaskError
from diffbench.harness.identity import run_id, run_settings
from diffbench.harness.one_task import run_task
from diffbench.options import RunOptions
from diffbench.results import TaskResult
from diffbench.suite import Prompt, TaskDefinition
from tests.harness.test_scripted import Reply, ScriptedLM
from tests.results.factory import definition, make_run

NAME = "diffbench_dates_weekday"


def options(**given: Any) -> RunOptions:
    return RunOptions(model="demo", tasks=(NAME,), protocol="list", **given)


def measured(reply: Reply, **given: Any) -> TaskResult:
    asked = options(samples=80, draws_per_reply=4, **given)
    (task,) = prepare(asked).tasks
    lm: Any = ScriptedLM(task, reply, seed=0)
    return run_task(lm, task, asked).result


def written(task: TaskDefinition, outcomes: Any) -> str:
    return " ".join(answer_string(task.target.outcomes[i]) for i in outcomes)


def as_asked(task: TaskDefinition, rng: np.random.Generator) -> str:
    return written(task, rng.integers(0, 7, 4))


def one_short(task: TaskDefinition, rng: np.random.Generator) -> str:
    return written(task, rng.integers(0, 7, 3))


def no_repeats(task: TaskDefinition, rng: np.random.Generator) -> str:
    return written(task, rng.permutation(7)[:4])


def test_right_draws_score_what_theory_says() -> None:
    found = measured(as_asked)
    overlap = found.metrics["overlap"]
    assert overlap.value == pytest.approx(1, abs=0.1)
    assert found.metrics["valid_mass"].value == 1
    for prompt in found.prompts:
        assert sum(prompt.counts or []) == 320
        assert prompt.metrics["overlap"].n == 80
        assert prompt.equal_neighbours is None
        assert prompt.lists is not None
        assert prompt.lists.equal_within == pytest.approx(1 / 7, abs=0.06)
        assert "Do this 4 times" in prompt.text


def test_a_missing_draw_is_an_invalid_one() -> None:
    found = measured(one_short)
    assert found.metrics["valid_mass"].value == pytest.approx(3 / 4)
    assert all(prompt.invalid == {"too_few": 80.0} for prompt in found.prompts)


def test_lists_without_repeats_show_as_such() -> None:
    for prompt in measured(no_repeats).prompts:
        assert prompt.lists is not None
        assert prompt.lists.equal_within == 0
        assert prompt.lists.equal_between == pytest.approx(1 / 7, abs=0.03)


class TestOptions:
    def test_defaults(self) -> None:
        asked = options()
        assert (asked.draws, asked.replies, asked.longest_reply) == (10, 100, 320)
        assert asked.samples_only
        plain = RunOptions(model="demo")
        assert (plain.draws, plain.replies, plain.longest_reply) == (1, 1000, 64)
        assert options(max_new_tokens=7, samples=5).longest_reply == 7

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"draws_per_reply": 1}, "draws_per_reply is 1; it must be at least 2"),
            ({"draws_per_reply": 51}, "it must be at most 50"),
            ({"estimator": "exact"}, "--protocol list reads replies, so --estimator exact"),
            ({"protocol": "lists"}, "protocol is 'lists'; write independent, list"),
            ({"protocol": "independent", "draws_per_reply": 3}, "add --protocol list"),
        ],
    )
    def test_mistakes(self, given: dict[str, Any], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            RunOptions(**{"model": "demo", "protocol": "list", **given})

    def test_a_reply_that_is_begun_cannot_be_a_list(self) -> None:
        begun = Prompt(id="a", split="train", text="Toss.", prefix="{")
        with pytest.raises(TaskError, match="its replies are already begun"):
            definition(prompts=(begun,)).as_list(3)


def test_the_protocol_is_part_of_the_identity() -> None:
    model = make_run().model
    ids = set()
    for asked in (options(), options(draws_per_reply=5), RunOptions(model="demo")):
        tasks = prepare(asked).tasks[:1]
        ids.add(run_id(model, run_settings(asked), tasks))
    assert len(ids) == 3


def test_lists_are_compared_with_nothing() -> None:
    run = make_run()
    settings = run.settings.model_copy(update={"protocol": "list", "draws_per_reply": 5})
    lists = run.model_copy(update={"settings": settings})
    plain, listed = measurement_of(run), measurement_of(lists)
    for before, after in ((plain, listed), (listed, plain)):
        reasons = [pair.reason for pair in pair_tasks(before, after)]
        assert all(reason is not None and "protocol" in reason for reason in reasons)
    sampled = pair_tasks(listed, listed)[-1]
    assert sampled.reason is not None and "several draws in a reply" in sampled.reason


def test_the_engine_stops_after_the_last_answer(
    demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffbench.harness import lm as module

    class StopError(Exception):
        """Ends the drawing once it is known when it would stop."""

    held: dict[str, Any] = {}

    def sampler(model: Any, **given: Any) -> Any:
        held.update(given)
        raise StopError

    monkeypatch.setattr(module, "Sampler", sampler)
    engine = module.EngineLM(demo)
    settings = {"max_gen_toks": 9, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
    tokens = demo.tokenizer.encode("{1} {2}", add_special_tokens=False)
    for n_answers, closed in ((1, [1, 2]), (2, [2])):
        with pytest.raises(StopError):
            engine.draw("Hello", 3, settings, closings=n_answers)
        begun = [tokens[:i] for i in range(1, len(tokens) + 1)]
        over = [one for one in begun if held["is_complete"](one)]
        assert [demo.tokenizer.decode(one).count("}") for one in over] == closed


def test_a_whole_run(tmp_path: Path) -> None:
    from diffbench.api import run
    from diffbench.results import load_results, verify_result

    run(options(samples=6, draws_per_reply=2, limit=1, output=tmp_path / "out"))
    result = load_results(tmp_path / "out")
    assert verify_result(result) == []
    assert (result.settings.protocol, result.settings.draws_per_reply) == ("list", 2)
    assert "--protocol list --draws-per-reply 2" in result.run.command
