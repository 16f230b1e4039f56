"""`api:<model>@<url>`: what is taken, what is refused, and what is never shown."""

from __future__ import annotations

import pytest

from diffbench.errors import ModelError
from diffbench.models import parse_model


@pytest.mark.parametrize(
    ("text", "name", "source", "public"),
    [
        (
            "api:gpt-4o@https://api.openai.com/v1",
            "gpt-4o",
            "https://api.openai.com/v1",
            "api:gpt-4o@https://api.openai.com/v1",
        ),
        (
            "api:demo@http://127.0.0.1:8000/v1/",
            "demo",
            "http://127.0.0.1:8000/v1",
            "api:demo@http://127.0.0.1:8000/v1",
        ),
        (
            "api:@cf/meta/llama@2@HTTPS://[::1]:1/v1/chat/completions/",
            "@cf/meta/llama@2",
            "https://[::1]:1/v1",
            "api:@cf/meta/llama@2@https://[::1]:1/v1",
        ),
        (
            "api:d@https://x.azure.com/d?api-version=1&key=hush#top",
            "d",
            "https://x.azure.com/d?api-version=1&key=hush",
            "api:d@https://x.azure.com/d",
        ),
    ],
)
def test_a_server_is_read(text: str, name: str, source: str, public: str) -> None:
    spec = parse_model(text)
    assert (spec.kind, spec.backend) == ("server", "api")
    assert (spec.name, spec.source, spec.public) == (name, source, public)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("api:", "needs a model and its server's URL; write api:<model>@<url>, such as"),
        ("api:gpt-4o", "needs a model and its server's URL"),
        ("api:@https://host/v1", "needs a model and its server's URL"),
        ("api:m@ftp://host/v1", "needs a model and its server's URL"),
        ("api:m@host:8000/v1", "needs a model and its server's URL"),
        ("api:m@http://", "is no server's URL"),
        ("api:m@http:///v1", "is no server's URL"),
        ("api:m@http://host:99999/v1", "is no server's URL"),
        ("api:m@http://host:x/v1", "is no server's URL"),
        ("api:m@http://ho st/v1", "is no server's URL"),
        ("api:m@http://[::1/v1", "is no server's URL"),
        ("api:m@http://höst/v1", "is no server's URL"),
        ("api:m@http://host/v1\r\nX: y", "is no server's URL"),
        ("api: @http://host/v1", "is no model's name"),
        ("api:\x1b[31m@http://host/v1", r"'\S+x1b\[31m' is no model's name"),
    ],
)
def test_what_is_no_server_is_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        parse_model(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hush@host/v1",
        "https://hush@host/v1",
        "https://user:hush@host:99999/v1",
        "https://user:hush@ho st/v1",
        "user:hush@host/v1",
        "ftp://user:hush@host/v1",
    ],
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_model(f"api:model@{url}")
    assert "hush" not in str(caught.value)


def test_a_password_is_named_as_what_is_wrong() -> None:
    with pytest.raises(ModelError, match="into the environment variable OPENAI_API_KEY"):
        parse_model("api:model@https://user:hush@host/v1")


def test_vllm_takes_what_hf_takes() -> None:
    spec = parse_model("vllm:llama-2-13b-chat")
    repository = "meta-llama/Llama-2-13b-chat-hf"
    assert (spec.kind, spec.backend, spec.source) == ("hub", "vllm", repository)
    assert spec.public == f"vllm:{repository}"
    with pytest.raises(ModelError, match="'vllm:' names no model; write vllm:<folder or"):
        parse_model("vllm:")


def test_public_names_of_local_models() -> None:
    assert parse_model("demo").public == "demo"
    assert parse_model("hf:qwen3-8b").public == "hf:Qwen/Qwen3-8B"
