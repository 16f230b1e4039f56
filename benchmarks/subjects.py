"""The models that are measured: the demo model, and random ones of a stated shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffbench.models.load import LoadedModel

__all__ = ["SHAPES", "load_subject"]

SHAPES: dict[str, dict[str, Any]] = {
    "llama-30m": {
        "vocab_size": 8192,
        "hidden_size": 512,
        "intermediate_size": 1376,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "tie_word_embeddings": True,
    },
    "llama-2-7b": {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
    "llama-2-13b": {
        "vocab_size": 32000,
        "hidden_size": 5120,
        "intermediate_size": 13824,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
    },
}


def load_subject(name: str, device: str, dtype: str) -> LoadedModel:
    """Load `demo`, or make a random Llama of a shape with the demo model's tokenizer.

    Args:
        name: `demo` or a key of `SHAPES`.
        device: Where its weights are made.
        dtype: A torch type by name.
    """
    import dataclasses

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from diffbench.models import parse_model
    from diffbench.models.load import LoadOptions, load_model

    demo = load_model(parse_model("demo"), LoadOptions(device="cpu"))
    if name == "demo":
        return dataclasses.replace(demo, model=demo.model.to(device, getattr(torch, dtype)))
    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, dtype))
    config = LlamaConfig(
        **SHAPES[name],
        max_position_embeddings=4096,
        bos_token_id=demo.tokenizer.bos_token_id,
        eos_token_id=demo.tokenizer.eos_token_id,
        pad_token_id=demo.tokenizer.pad_token_id,
    )
    with torch.device(device):
        model = LlamaForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    return dataclasses.replace(demo, model=model)


def tuning_subject(loaded: LoadedModel, tasks: tuple[str, ...]) -> tuple[Any, Any]:
    """Return the model with an adapter of the paper's shape, and the tasks' prompts."""
    import torch
    from peft import LoraConfig, get_peft_model

    from diffbench.harness.lm import EngineLM
    from diffbench.suite import shipped_catalog
    from diffbench.tuning.examples import training_prompts
    from diffbench.tuning.recipe import read_recipe
    from diffbench.tuning.turns import assistant_turn

    lm = EngineLM(loaded)
    turn = assistant_turn(loaded.tokenizer, lm.ends)
    prompts = training_prompts(lm, shipped_catalog().select(tasks).tasks, turn)
    shape = read_recipe("paper").lora
    torch.manual_seed(0)
    model: Any = get_peft_model(
        loaded.model,
        LoraConfig(
            r=shape.rank,
            lora_alpha=int(shape.alpha),
            target_modules=list(shape.targets),
            # B begins at zero, and then A has no gradient to compare.
            init_lora_weights="gaussian",
        ),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.02)
    return model, prompts
