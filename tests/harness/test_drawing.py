"""Which sampling requests of other tasks the engine takes, and which it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import GenerationConfig

from diffbench.engine.decoding import Decoding
from diffbench.harness.dispatch import end_tokens
from diffbench.harness.drawing import DrawSettings, draw_settings
from diffbench.models import parse_model
from diffbench.models.load import LoadedModel, LoadOptions, load_model

ASKED = {"do_sample": True, "temperature": 0.8, "until": ["\n"], "max_gen_toks": 5}


def _settings(
    generation: GenerationConfig | None = None, **changes: Any
) -> DrawSettings | None:
    asked = {**ASKED, **changes}
    return draw_settings(
        {name: value for name, value in asked.items() if value != "absent"},
        default_length=64,
        end_text="</s>",
        generation=generation or GenerationConfig(),
    )


def test_a_request_is_read_as_the_harness_reads_it() -> None:
    assert _settings() == DrawSettings(
        decoding=Decoding(temperature=0.8, top_k=50),
        until=("\n", "</s>"),
        max_new_tokens=5,
    )
    silent = _settings(GenerationConfig(top_k=7, top_p=0.5), max_gen_toks="absent")
    assert silent is not None
    assert silent.decoding == Decoding(temperature=0.8, top_k=7, top_p=0.5)
    assert silent.max_new_tokens == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"do_sample": False},
        {"temperature": 0.0},
        {"temperature": "absent"},
        {"temperature": "0.8"},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"until": [""]},
        {"until": ["\n", 3]},
        {"num_beams": 2},
        {"repetition_penalty": 1.2},
    ],
)
def test_what_the_engine_would_draw_otherwise_is_left_to_the_harness(
    changes: dict[str, Any],
) -> None:
    assert _settings(**changes) is None


@pytest.mark.parametrize(
    "generation",
    [
        {"repetition_penalty": 1.3},
        {"stop_strings": ["x"]},
        {"watermarking_config": {"bias": 2.0, "context_width": 1}},
        {"min_new_tokens": 2},
    ],
)
def test_so_is_a_model_whose_own_settings_change_what_is_drawn(
    generation: dict[str, Any],
) -> None:
    assert _settings(GenerationConfig(**generation)) is None


@pytest.fixture
def demo() -> LoadedModel:
    return load_model(parse_model("demo"), LoadOptions(device="cpu"))


def test_replies_end_where_generation_says(demo: LoadedModel) -> None:
    eos = demo.tokenizer.eos_token_id
    demo.model.config.eos_token_id = 9
    demo.model.generation_config.eos_token_id = [7, 8]
    assert end_tokens(demo) == sorted({7, 8, eos})
    demo.model.generation_config.eos_token_id = None
    assert end_tokens(demo) == sorted({9, eos})
