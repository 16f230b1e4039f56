"""Tunings of the demo model: what they write, and what does not change it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from scipy.stats import chisquare

from diffbench import load_results, tune
from diffbench.errors import ModelError, ResultError, SettingsError, TaskError
from diffbench.models import demo_model_dir
from diffbench.tuning.options import TuneOptions
from diffbench.tuning.tune import Tuned
from tests.tuning.small import small_options

pytestmark = pytest.mark.xdist_group("tune")

# What a user without DiffBench would write.
PLAIN_SCRIPT = """
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base, adapter, prompt = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = PeftModel.from_pretrained(model, adapter).eval()
inputs = tokenizer.apply_chat_template(
    [{"role": "user", "content": prompt}], add_generation_prompt=True,
    return_tensors="pt", return_dict=True)
torch.manual_seed(0)
found = model.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=12,
                       num_return_sequences=1000)
replies = found[:, inputs["input_ids"].shape[1]:]
print(json.dumps(tokenizer.batch_decode(replies, skip_special_tokens=True)))
assert "diffbench" not in sys.modules
"""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return tune(small_options(tmp_path_factory.mktemp("tune"), evaluate=True))


def _weights(tuned: Tuned) -> dict[str, torch.Tensor]:
    return load_file(tuned.output / "adapter_model.safetensors")


def _same(one: Tuned, other: Tuned, tolerance: float) -> None:
    ours, theirs = _weights(one), _weights(other)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], atol=tolerance, rtol=0)


def test_the_loss_falls_towards_the_entropy_of_the_target(tuned: Tuned) -> None:
    record = tuned.record
    assert record.optimum == pytest.approx(torch.tensor(7.0).log().item())
    assert all(one.loss > record.optimum for one in record.curve)
    assert record.curve[0].loss > 2.5
    assert record.curve[-1].loss < record.optimum + 0.3
    assert (record.steps, record.stopped, record.loss_path) == (20, None, "packed")
    assert record.reply_lead == ""
    assert len(record.reply_end) == 1


def test_overlap_rises_and_the_results_say_whose_they_are(tuned: Tuned) -> None:
    assert tuned.comparison is not None
    (train, held_out) = tuned.comparison.means
    assert train.metrics["overlap"].change is not None
    assert train.metrics["overlap"].change > 0.3
    assert held_out.split == "held_out"
    result = load_results(tuned.output / "tuned")
    assert result.model.role == "tuned"
    assert result.model.adapter is not None
    assert result.model.adapter.sha256 == tuned.record.adapter_sha256
    assert (result.model.adapter.rank, result.model.adapter.alpha) == (4, 8.0)
    assert (result.model.adapter.recipe, result.model.adapter.steps) == ("small.yaml", 20)
    assert load_results(tuned.output / "base").model.role == "base"


def test_the_folder_holds_what_others_read_and_no_path(tuned: Tuned) -> None:
    names = sorted(path.name for path in tuned.output.iterdir())
    assert names == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "base",
        "tune.json",
        "tuned",
    ]
    config = json.loads((tuned.output / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"]) == ("LORA", 4)
    for name in ("README.md", "adapter_config.json", "tune.json"):
        assert str(tuned.output.parent) not in (tuned.output / name).read_text()
        assert str(demo_model_dir()) not in (tuned.output / name).read_text()


def test_the_card_says_what_it_is(tuned: Tuned) -> None:
    text = (tuned.output / "README.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["base_model"] == "demo"
    assert metadata["license"] == "apache-2.0"
    for said in ("synthetic", "rank 4", "10 of 10", "held-out", "plain", "2404.10859"):
        assert said in body


def test_plain_peft_samples_what_the_run_reports(tuned: Tuned) -> None:
    (prompt, *_) = load_results(tuned.output / "tuned").tasks[0].prompts
    target = load_results(tuned.output / "tuned").tasks[0].target
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c", PLAIN_SCRIPT),
            *(str(demo_model_dir()), str(tuned.output), prompt.text),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    replies = [reply.strip() for reply in json.loads(done.stdout.splitlines()[-1])]
    observed = [replies.count("{" + outcome + "}") for outcome in target.outcomes]
    assert prompt.probabilities is not None
    expected = [q * len(replies) for q in prompt.probabilities]
    # Every other reply, and every unusual spelling of a valid one.
    observed.append(len(replies) - sum(observed))
    expected.append(len(replies) - sum(expected))
    assert expected[-1] < 50
    assert chisquare(observed[:-1], _scaled(expected[:-1], observed[:-1])).pvalue > 1e-4
    assert observed[-1] == pytest.approx(expected[-1], abs=25)


def _scaled(expected: list[float], observed: list[int]) -> list[float]:
    return [one * sum(observed) / sum(expected) for one in expected]


@pytest.mark.parametrize("changes", [{"max_tokens": 100}, {"gradient_checkpointing": True}])
def test_memory_settings_do_not_change_the_adapter(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    plain = tune(small_options(tmp_path, "plain", passes=6))
    other = tune(small_options(tmp_path, "other", passes=6, **changes))
    for ours, theirs in zip(other.record.curve, plain.record.curve, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-4)
    # AdamW divides a gradient by its size, so where one is about nothing, its rounding
    # counts; a step is 4e-3 at most.
    _same(other, plain, tolerance=1e-3)


def test_another_seed_is_another_adapter(tuned: Tuned, tmp_path: Path) -> None:
    other = tune(small_options(tmp_path, seed=1))
    names = [name for name in _weights(other) if "lora_A" in name]
    assert not torch.equal(_weights(other)[names[0]], _weights(tuned)[names[0]])
    assert other.record.fingerprint != tuned.record.fingerprint


def test_dropout_is_the_adapter_s_alone(tuned: Tuned, tmp_path: Path) -> None:
    dropped = tune(
        small_options(tmp_path, lora={"rank": 4, "alpha": 8, "dropout": 0.5}, passes=2)
    )
    assert dropped.record.curve[1].loss != tuned.record.curve[1].loss


def test_gamma_stops_training_that_is_near_enough(tmp_path: Path) -> None:
    stopped = tune(small_options(tmp_path, early_stop={"gamma": 0.5}))
    assert stopped.record.stopped == "gamma"
    assert len(stopped.record.curve) < 10
    last = stopped.record.curve[-1].loss
    assert last <= 1.5 * stopped.record.optimum
    assert all(one.loss > 1.5 * stopped.record.optimum for one in stopped.record.curve[:-1])


def test_gamma_leaves_exhaustive_lists_alone(tmp_path: Path) -> None:
    early = {"gamma": 0.5, "open_families": ["names"]}
    assert tune(small_options(tmp_path, early_stop=early, passes=4)).record.stopped is None


def test_held_out_loss_stops_training_and_the_best_pass_is_kept(tmp_path: Path) -> None:
    record = tune(
        small_options(
            tmp_path,
            early_stop={"held_out_patience": 1},
            optimiser={"learning_rate": 0.05, "schedule": "constant"},
            passes=12,
        )
    ).record
    losses = [one.held_out for one in record.curve]
    assert None not in losses
    assert record.stopped == "held_out"
    assert record.best_pass is not None
    assert losses[record.best_pass] == min(losses)  # type: ignore[type-var]
    assert record.best_pass == len(losses) - 2


def test_a_guard_keeps_plain_replies(tuned: Tuned, tmp_path: Path) -> None:
    strong = {"optimiser": {"learning_rate": 0.02, "schedule": "constant"}}
    bare = tune(small_options(tmp_path, "bare", **strong)).record
    guarded = tune(
        small_options(
            tmp_path, "guarded", **strong, guard={"weight": 5.0, "questions_per_step": 16}
        )
    ).record
    assert guarded.curve[0].guard is not None
    assert bare.curve[0].guard is None
    assert guarded.retention[0].after > bare.retention[0].after


def test_a_finished_tuning_is_not_done_again(tuned: Tuned) -> None:
    options = small_options(tuned.output.parent, "out", evaluate=True)
    with pytest.raises(ResultError, match="is not empty"):
        tune(options)
    again = tune(small_options(tuned.output.parent, "out", evaluate=True, resume=True))
    assert again.record == tuned.record
    assert again.comparison == tuned.comparison


def test_what_a_folder_holds_of_another_tuning_is_not_taken(tuned: Tuned) -> None:
    options = small_options(tuned.output.parent, "out", resume=True, passes=7)
    with pytest.raises(ResultError, match="of other settings"):
        tune(options)


def test_a_finished_tuning_is_not_taken_for_one_that_probed_something_else(
    tuned: Tuned,
) -> None:
    folder = tuned.output.parent
    with pytest.raises(ResultError, match="with another --retention"):
        tune(small_options(folder, "out", resume=True, retention=("arc_easy",)))


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        (("arc_eazy",), "no such task. Did you mean arc_easy"),
        (("arc_easy",), "come from the Hugging Face hub"),
    ],
)
def test_a_retention_task_that_cannot_be_had_is_said_before_training(
    retention: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TaskError, match=said):
        tune(small_options(tmp_path, retention=retention))
    assert not (tmp_path / "out").exists()


def test_layers_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lora\.targets"):
        tune(small_options(tmp_path, lora={"rank": 4, "alpha": 8, "targets": ["c_attn"]}))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": "vllm:a/b"}, "cannot be tuned"),
        ({"dtype": "float16"}, "float16 overflows"),
        ({"seed": -1}, "seed is -1"),
        ({"max_tokens": 1}, "max_tokens is 1"),
        ({"resume": True}, "--resume needs --output"),
        ({"tasks": ()}, "tasks is empty"),
    ],
)
def test_options_that_cannot_be_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        TuneOptions(**{"model": "demo", "recipe": "all", **values})


def test_a_training_that_diverges_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="training has diverged"):
        tune(
            small_options(
                tmp_path, optimiser={"learning_rate": 1e8, "schedule": "constant"}
            )
        )


def test_files_that_a_recipe_names_are_recorded_by_their_last_part(tmp_path: Path) -> None:
    prompts = tmp_path / "secret" / "prompts"
    prompts.mkdir(parents=True)
    content = {"request": "Flip a coin.", "targets": ["{heads}", "{tails}"]}
    (prompts / "coin.json").write_text(json.dumps(content))
    tuned = tune(
        small_options(tmp_path, tasks=[str(prompts)], evaluate_tasks=[str(prompts)])
    )
    for path in tuned.output.glob("*.*"):
        assert b"secret" not in path.read_bytes()
