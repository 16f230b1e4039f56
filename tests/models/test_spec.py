from __future__ import annotations

from pathlib import Path

import pytest

from diffbench.errors import ModelError
from diffbench.models import ModelSpec, demo_model_dir, model_aliases, parse_model


def test_demo_ships_inside_the_package() -> None:
    spec = parse_model("demo")
    assert (spec.text, spec.kind, spec.name) == ("demo", "demo", "demo")
    assert Path(spec.source) == demo_model_dir()
    assert (demo_model_dir() / "config.json").is_file()


@pytest.mark.parametrize("written", ["{}", "{}/", "{}/../my model"])
def test_local_folder_shows_its_last_name_only(tmp_path: Path, written: str) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    spec = parse_model("hf:" + written.format(folder))
    assert (spec.kind, spec.name) == ("folder", "my model")
    assert Path(spec.source).samefile(folder)


def test_relative_and_home_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    # A folder that is there comes before a repository of that name.
    for text in ("hf:owner/model", "hf:./owner/model", "hf:~/owner/model"):
        spec = parse_model(text)
        assert (spec.kind, spec.name) == ("folder", "model")
    spec = parse_model("hf:.")
    assert (spec.kind, spec.name) == ("folder", tmp_path.name)


@pytest.mark.parametrize("alias", ["llama-2-13b-chat", "LLaMA-2-13B-Chat"])
def test_alias(alias: str) -> None:
    repository = "meta-llama/Llama-2-13b-chat-hf"
    assert parse_model(f"hf:{alias}") == ModelSpec(
        text=f"hf:{alias}", kind="hub", source=repository, name=repository
    )


def test_every_alias_is_lower_case_and_names_a_repository() -> None:
    for alias, repository in model_aliases().items():
        assert alias == alias.lower()
        spec = parse_model(f"hf:{repository}")
        assert (spec.kind, spec.source, spec.name) == ("hub", repository, repository)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--model '' is not a model; write demo, hf:<folder>"),
        ("demos", r"--model 'demos' is not a model; .* Did you mean demo\?"),
        ("hf:", "--model 'hf:' names no model"),
        ("llama-2-7b-chat", "is not a model; .* Did you mean hf:llama-2-7b-chat "),
        ("vlm:Qwen/Qwen3-8B", "--model 'vlm:Qwen/Qwen3-8B' is not a model"),
        ("HF:Qwen/Qwen3-8B", "--model 'HF:Qwen/Qwen3-8B' is not a model"),
        ("hf:qwen3-8", "'qwen3-8' is neither .* Did you mean qwen3-8b.*models list"),
        ("hf:gpt2", "'gpt2' is neither a folder, an alias nor a repository id"),
        ("hf:a/b/c", "'a/b/c' is neither"),
        ("hf:a/../b", "'a/../b' is neither"),
        ("hf: Qwen/Qwen3-8B", "' Qwen/Qwen3-8B' is neither"),
        ("hf:./none", "model folder './none' does not exist; name a folder that holds"),
        ("hf:/none/at/all", "model folder '/none/at/all' does not exist"),
        ("hf:~nobody-of-that-name/x", "folder '~nobody-of-that-name/x' does not exist"),
        ("hf:" + "x" * 300, "'x{199}…' is neither"),
        ("hf:Qwen/Qwen3\n", r"'Qwen/Qwen3\S+n' is neither"),
        ("hf:\x1b[31m/\0", r"'\S+x1b\[31m/\S+x00' is neither"),
        ("\x1b]0;owned\x07:x", r"--model '\S+x1b\]0;owned\S+x07:x' is not a model"),
    ],
)
def test_what_names_no_model_is_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        parse_model(text)
    assert str(caught.value).isprintable()


def test_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=r"model\.safetensors' is a file, not a folder"):
        parse_model(f"hf:{path}")
