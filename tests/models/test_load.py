"""Loading models: what a user's mistake gets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import T5Config

from diffbench.errors import ModelError
from diffbench.models import parse_model
from diffbench.models.load import LoadedModel, LoadOptions, load_model, resolve_device
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


@pytest.mark.parametrize("device", ["cuda:99", "meta", "toaster"])
def test_a_device_that_is_not_there(folder: Path, device: str) -> None:
    with pytest.raises(ModelError, match="--device"):
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


@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
def test_an_adapter_of_other_layers_is_not_taken_for_one(
    folder: Path, tmp_path: Path
) -> None:
    """Unknown keys would leave the base model as it is, under the name of a tuned one."""
    _save_adapter(tmp_path / "a", 1.0)
    weights = tmp_path / "a" / "adapter_model.safetensors"
    renamed = {key.replace("q_proj", "x_proj"): t for key, t in load_file(weights).items()}
    save_file(renamed, weights)
    with pytest.raises(ModelError, match="missing or unknown"):
        _load(folder, adapter=tmp_path / "a")


def test_weights_that_are_missing_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    kept = {key: t for key, t in load_file(weights).items() if "layers.1.mlp" not in key}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"is not whole: 3 of its weights"):
        _load(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", lambda content: content[:1000]),
        ("model.safetensors", lambda content: b""),
        ("config.json", lambda content: b"{"),
        (
            "config.json",
            lambda content: content.replace(b'"hidden_size": 32', b'"hidden_size": 33'),
        ),
        (
            "config.json",
            lambda content: content.replace(b'"vocab_size": 262', b'"vocab_size": 9'),
        ),
        ("tokenizer.json", lambda content: content[:50]),
    ],
)
def test_damaged_files_are_one_sentence(
    folder: Path, tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    shutil.copytree(folder, tmp_path / "m")
    path = tmp_path / "m" / name
    content = path.read_bytes()
    path.write_bytes(damage(content))
    assert path.read_bytes() != content
    with pytest.raises(ModelError) as raised:
        _load(tmp_path / "m")
    assert "\n" not in str(raised.value)


def test_other_weights_have_another_fingerprint(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    other = tmp_path / "other"
    weights = load_file(other / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"][0, 0] += 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    assert _load(folder).weights_fingerprint != _load(other).weights_fingerprint
    assert _load(folder).weights_fingerprint == _load(folder).weights_fingerprint


def test_spread_layers_are_the_same_model(folder: Path) -> None:
    """Without a GPU all of them are on the CPU; the way there is the same."""
    spread = load_model(parse_model(f"hf:{folder}"), LoadOptions(device="spread"))
    ids = torch.tensor([[1, 2, 3]])
    expected = _load(folder).model(ids).logits
    torch.testing.assert_close(spread.model(ids).logits, expected)


def test_each_of_several_processes_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert resolve_device("auto") == torch.device("cuda:2")
    assert resolve_device("cuda") == torch.device("cuda:2")
    assert resolve_device("cuda:0") == torch.device("cuda:0")
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
def test_an_adapter_on_tied_embeddings_acts_in_one_place(tmp_path: Path) -> None:
    """Merged into the one matrix it would act in two."""
    torch.manual_seed(0)
    tokenizer = byte_tokenizer(template=TEMPLATE)
    model = tiny_llama(len(tokenizer))
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    tuned = get_peft_model(model, LoraConfig(r=2, target_modules=["lm_head"]))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    tuned.save_pretrained(tmp_path / "adapter")
    ids = torch.tensor([[5, 6, 7]])
    expected = tuned.eval()(ids).logits
    loaded = _load(tmp_path / "base", adapter=tmp_path / "adapter")
    torch.testing.assert_close(loaded.model(ids).logits, expected)
