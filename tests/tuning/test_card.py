"""The model card: hostile names do nothing, licences are those that were stated."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from diffbench.compare import compare_biographies, compare_results
from diffbench.errors import printable
from diffbench.models.spec import ModelSpec
from diffbench.tuning.card import base_licence, write_card
from diffbench.tuning.evaluation import Evaluated
from diffbench.tuning.record import TuneRecord
from tests.results.test_biographies import HOSTILE_PEOPLE, PEOPLE, run_of

RECORD = {
    "fingerprint": "f",
    "command": "diffbench tune",
    "created": "2026-01-01T00:00:00+00:00",
    "diffbench": "0.1.0",
    "git": None,
    "packages": {},
    "hardware": "cpu",
    "processes": 1,
    "base": {
        "spec": "hf:m",
        "id": "m",
        "revision": None,
        "weights_fingerprint": None,
        "architecture": "LlamaForCausalLM",
        "hidden_size": 8,
        "parameters": 1,
        "dtype": "float32",
        "licence": None,
        "synthetic": False,
    },
    "recipe_name": "all",
    "recipe": {
        "title": "t",
        "tasks": ["a"],
        "evaluate": ["a"],
        "lora": {"rank": 1, "alpha": 1},
        "optimiser": {"learning_rate": 0.1},
        "passes": 1,
    },
    "seed": 0,
    "learning_rate": 0.1,
    "max_tokens": 64,
    "gradient_checkpointing": False,
    "trained_parameters": 1,
    "reply_lead": "",
    "reply_end": [1],
    "loss_path": "packed",
    "prompts": [],
    "data_sha256": "0" * 64,
    "optimum": 1.0,
    "curve": [{"loss": 2.0}],
    "steps": 1,
    "stopped": None,
    "best_pass": None,
    "seconds": 1.0,
    "adapter_sha256": "0" * 64,
    "retention": [],
}


def _card(folder: Path, name: str, **base: object) -> str:
    record = TuneRecord.model_validate(
        {**RECORD, "base": {**RECORD["base"], "id": name, **base}}  # type: ignore[dict-item]
    )
    write_card(folder, record, None)
    return (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "](http://evil) ![x](http://evil)",
        "a\n---\nlicense: mit",
        "| a | b |",
        "`code`",
        "\x1b[31mred",
        "name: [unclosed",
    ],
)
def test_a_hostile_model_name_does_nothing(name: str, tmp_path: Path) -> None:
    text = _card(tmp_path, name)
    _, head, body = text.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["base_model"] == printable(name)
    assert "license" not in metadata
    title = next(line for line in body.splitlines() if line.startswith("# "))
    assert "<script>" not in title.replace("\\<", "")
    assert "](" not in title.replace("\\]", "")
    assert "\x1b" not in body


def test_the_licence_is_the_base_model_s(tmp_path: Path) -> None:
    stated = _card(tmp_path, "m", licence="llama2")
    assert "license: llama2" in stated
    assert "`llama2`" in stated
    assert "was not at hand" in _card(tmp_path, "m")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: gemma\n---\n# A model\n", "gemma"),
        ("---\nlicense: [a, b]\n---\n", None),
        ("# no head\n", None),
        ("---\n{broken\n---\n", None),
        (None, None),
    ],
)
def test_a_folder_s_licence_is_read_off_its_card(
    card: str | None, licence: str | None, tmp_path: Path
) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    spec = ModelSpec(text="hf:m", kind="folder", source=str(tmp_path), name="m")
    assert base_licence(spec, None) == licence


def test_the_demo_model_s_licence_is_this_project_s() -> None:
    spec = ModelSpec(text="demo", kind="demo", source="x", name="demo")
    assert base_licence(spec, None) == "apache-2.0"


def test_made_up_people_stand_before_and_after(tmp_path: Path) -> None:
    before, after = run_of(PEOPLE), run_of(HOSTILE_PEOPLE)
    evaluated = Evaluated(
        base=before,
        tuned=after,
        comparison=compare_results(before, after),
        biographies=compare_biographies(before, after),
    )
    write_card(tmp_path, TuneRecord.model_validate(RECORD), evaluated)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    shares = [people.metrics["well_formed"].value for people in (PEOPLE, HOSTILE_PEOPLE)]
    assert shares[0] is not None and shares[1] is not None
    assert f"| well-formed replies | {shares[0]:.3f} → {shares[1]:.3f} |" in text
    assert "| distinct in 100: first name | " in text
    # Nothing was measured that has a target.
    assert "## Before and after" not in text
