"""Which layers a new adapter is put on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from diffbench.errors import ModelError
from diffbench.models import parse_model
from diffbench.models.load import LoadOptions, load_model
from diffbench.tuning.adapter import new_adapter
from diffbench.tuning.recipe import LoraSettings
from tests.helpers import TEMPLATE, byte_tokenizer, tiny_llama

SEVEN = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def _settings(**changes: object) -> LoraSettings:
    return LoraSettings.model_validate({"rank": 2, "alpha": 4, **changes})


def _model(*, tied: bool) -> Any:
    torch.manual_seed(0)
    model = tiny_llama(300)
    model.config.tie_word_embeddings = tied
    if tied:
        model.tie_weights()
    return model


def _adapted(tuned: torch.nn.Module) -> set[str]:
    return {
        name.removesuffix(".lora_A").rsplit(".", 1)[-1]
        for name, _ in tuned.named_modules()
        if name.endswith(".lora_A")
    }


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"]])
@pytest.mark.parametrize("output_layer", [False, True])
def test_the_output_layer_is_adapted_where_that_is_asked_for(
    targets: object, output_layer: bool
) -> None:
    settings = _settings(targets=targets, output_layer=output_layer)
    tuned = new_adapter(_model(tied=False), settings, checkpointing=False)
    named = SEVEN if targets == "all-linear" else {"q_proj", "v_proj"}
    assert _adapted(tuned) == (named | {"lm_head"} if output_layer else named)


def test_an_output_layer_that_is_the_embeddings_stays_as_it_is() -> None:
    settings = _settings(output_layer=True)
    tuned = new_adapter(_model(tied=True), settings, checkpointing=False)
    assert _adapted(tuned) == SEVEN


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
def test_an_output_layer_named_as_a_target_is_refused_where_it_is_tied() -> None:
    settings = _settings(targets=["q_proj", "lm_head"])
    with pytest.raises(ModelError, match="which are one matrix"):
        new_adapter(_model(tied=True), settings, checkpointing=False)


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
@pytest.mark.parametrize("with_base_matrix", [False, True])
def test_an_adapted_output_layer_loads_as_peft_loads_it(
    tmp_path: Path, with_base_matrix: bool
) -> None:
    """PEFT by itself stores the layer's own matrix too, and other writers do not."""
    model = _model(tied=False)
    model.save_pretrained(tmp_path / "base")
    byte_tokenizer(template=TEMPLATE).save_pretrained(tmp_path / "base")
    tuned: PeftModel = new_adapter(model, _settings(output_layer=True), checkpointing=False)
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    tuned.save_pretrained(tmp_path / "adapter", save_embedding_layers=with_base_matrix)
    ids = torch.tensor([[5, 6, 7]])
    loaded = load_model(
        parse_model(f"hf:{tmp_path / 'base'}"),
        LoadOptions(device="cpu", adapter=tmp_path / "adapter"),
    )
    torch.testing.assert_close(loaded.model(ids).logits, tuned.eval()(ids).logits)
