"""Tunings of local models of other families, without what the demo model has."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    PretrainedConfig,
)

from diffbench import TuneOptions, load_results, tune
from tests.helpers import TEMPLATE, byte_tokenizer
from tests.tuning.small import write_recipe

SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
FAMILIES: dict[str, tuple[PretrainedConfig, str | None, str]] = {
    "gpt2": (GPT2Config(n_embd=32, n_layer=2, n_head=4), None, "packed"),
    "gemma2": (
        Gemma2Config(
            **SIZE,
            intermediate_size=48,
            num_key_value_heads=2,
            head_dim=8,
            sliding_window=4096,
        ),
        TEMPLATE,
        "packed",
    ),
    # ALiBi counts columns, which a tree does not have.
    "bloom": (BloomConfig(hidden_size=32, n_layer=2, n_head=4), TEMPLATE, "plain"),
}


def _save(folder: Path, config: PretrainedConfig, template: str | None) -> None:
    tokenizer = byte_tokenizer(template=template)
    config.vocab_size = len(tokenizer)
    config.bos_token_id = tokenizer.bos_token_id
    config.eos_token_id = tokenizer.eos_token_id
    config.pad_token_id = tokenizer.pad_token_id
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_local_model_is_tuned_by_the_way_it_honours(name: str, tmp_path: Path) -> None:
    config, template, path = FAMILIES[name]
    _save(tmp_path / "my-model", config, template)
    recipe = write_recipe(
        tmp_path, passes=4, optimiser={"learning_rate": 0.02, "schedule": "constant"}
    )
    tuned = tune(
        TuneOptions(model=f"hf:{tmp_path}/my-model", recipe=recipe, output=tmp_path / "out")
    )
    record = tuned.record
    assert record.loss_path == path
    assert record.base.id == "my-model"
    assert record.base.licence is None
    assert record.retention == []
    assert record.curve[-1].loss < record.curve[0].loss - 1
    assert load_results(tmp_path / "out" / "tuned").model.id == "my-model+out"
    assert tuned.comparison is not None
    assert str(tmp_path) not in (tmp_path / "out" / "README.md").read_text()
    assert str(tmp_path) not in (tmp_path / "out" / "adapter_config.json").read_text()
