"""Loading models: what a user's mistake gets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import T5Config

from diffbench.errors import ModelError
from diffbench.models import parse_model
from diffbench.models.load import LoadedModel, LoadOptions, load_model
from tests.helpers import TEMPLATE, byte_tokenizer, save_model, tiny_llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), template=TEMPLATE)


def _load(folder: Path, **options: Any) -> LoadedModel:
    return load_model(parse_model(f"hf:{folder}"), LoadOptions(device="cpu", **options))


@pytest.mark.parametrize("name", ["hf:llama-2-13b-chat", "hf:some-owner/some-model"])
def test_without_a_network_a_hub_model_is_one_sentence(name: str) -> None:
    with pytest.raises(ModelError, match="hub cannot be reached") as raised:
        load_model(parse_model(name), LoadOptions(device="cpu"))
    assert "\n" not in str(raised.value)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        _load(tmp_path)


def test_pickled_weights_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    torch.save({}, tmp_path / "m" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        _load(tmp_path / "m")


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    T5Config().save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="encoder-decoder"):
        _load(tmp_path)


@pytest.mark.parametrize("device", ["cuda", "toaster"])
def test_a_device_that_is_not_there(folder: Path, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        device = "cuda:99"
    with pytest.raises((ModelError, RuntimeError), match=r"--device|CUDA"):
        load_model(parse_model(f"hf:{folder}"), LoadOptions(device=device))


def _save_adapter(path: Path, scale: float) -> None:
    torch.manual_seed(0)
    model = get_peft_model(
        tiny_llama(len(byte_tokenizer())),
        LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False),
    )
    for name, parameter in model.named_parameters():
        if "lora" in name:
            parameter.data.mul_(scale)
    model.save_pretrained(path)


def test_an_adapter_changes_the_model_and_is_recorded(folder: Path, tmp_path: Path) -> None:
    _save_adapter(tmp_path / "a", 3.0)
    ids = torch.tensor([[5, 6, 7]])
    base, tuned = _load(folder), _load(folder, adapter=tmp_path / "a")
    with torch.inference_mode():
        difference = base.model(ids).logits - tuned.model(ids).logits
    assert float(difference.abs().max()) > 1e-3
    assert base.adapter_sha256 is None and tuned.adapter_sha256 is not None


def test_an_adapter_that_is_none_or_does_not_fit(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no adapter_config\.json"):
        _load(folder, adapter=tmp_path)
    _save_adapter(tmp_path / "a", 1.0)
    config = tmp_path / "a" / "adapter_config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps({**content, "target_modules": ["no_such_layer"]}))
    with pytest.raises(ModelError, match="does not fit"):
        _load(folder, adapter=tmp_path / "a")


def test_other_weights_have_another_fingerprint(folder: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other", template=TEMPLATE, seed=1)
    assert _load(folder).weights_fingerprint != _load(other).weights_fingerprint
    assert _load(folder).weights_fingerprint == _load(folder).weights_fingerprint
