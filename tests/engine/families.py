"""A small random model of every family that the documents list, and how it is scored."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BartConfig,
    BloomConfig,
    DeepseekV3Config,
    FalconConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    GptOssConfig,
    JambaConfig,
    Lfm2Config,
    LlamaConfig,
    Mamba2Config,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    MptConfig,
    OPTConfig,
    Phi3Config,
    PhiConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen3Config,
    Qwen3NextConfig,
    RecurrentGemmaConfig,
    T5Config,
)

from diffbench.engine.scoring import ScoringPath

__all__ = ["FAMILIES", "LONG_WINDOW", "SHORT_WINDOW", "VOCABULARY", "Family", "small_model"]

VOCABULARY = 40
# Longer than the longest prompt with its longest reply, and shorter than most of them.
LONG_WINDOW, SHORT_WINDOW = 64, 6
# With the random defaults, which are smaller, a wrong mask would hardly show.
_SPREAD = 0.3

_TOKENS = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 1}
_WIDE = {**_TOKENS, "hidden_size": 32, "num_hidden_layers": 2}
_HEADS = {**_WIDE, "num_attention_heads": 4, "intermediate_size": 48}
_GROUPED = {**_HEADS, "num_key_value_heads": 2, "max_position_embeddings": 256}
_GEMMA = {**_GROUPED, "head_dim": 8}
_ALTERNATING = ["sliding_attention", "full_attention"]
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models of one architecture, and how they are scored and sampled.

    Attributes:
        config: Of a model of some thousand weights.
        path: The scoring path that its models take.
        samples_with_cache: Whether sampling keeps their cache.
    """

    config: PretrainedConfig
    path: ScoringPath
    samples_with_cache: bool = True


def _gemma2(window: int) -> PretrainedConfig:
    # Caps that the scores of so small a model reach.
    return Gemma2Config(
        **_GEMMA,
        sliding_window=window,
        query_pre_attn_scalar=8,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=5.0,
    )


def _gemma3(window: int) -> PretrainedConfig:
    return Gemma3TextConfig(
        **(_GEMMA | {"num_hidden_layers": 4}),
        sliding_window=window,
        layer_types=_ALTERNATING * 2,
    )


def _falcon(*, alibi: bool) -> PretrainedConfig:
    return FalconConfig(**_WIDE, num_attention_heads=4, alibi=alibi)


def _deepseek() -> PretrainedConfig:
    return DeepseekV3Config(
        **(_GROUPED | {"num_key_value_heads": 4}),
        q_lora_rank=16,
        kv_lora_rank=16,
        qk_rope_head_dim=8,
        qk_nope_head_dim=8,
        v_head_dim=8,
        n_routed_experts=4,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        moe_intermediate_size=24,
        first_k_dense_replace=1,
    )


def _qwen3_next() -> PretrainedConfig:
    return Qwen3NextConfig(
        **_GROUPED,
        **_EXPERTS,
        head_dim=8,
        shared_expert_intermediate_size=24,
        linear_conv_kernel_dim=4,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        layer_types=["linear_attention", "full_attention"],
    )


def _jamba() -> PretrainedConfig:
    return JambaConfig(
        **_GROUPED,
        mamba_d_state=8,
        mamba_dt_rank=8,
        num_experts=2,
        attn_layer_period=2,
        attn_layer_offset=1,
        expert_layer_period=2,
        expert_layer_offset=1,
    )


def _recurrent_gemma() -> PretrainedConfig:
    return RecurrentGemmaConfig(
        **(_GROUPED | {"num_hidden_layers": 3}), lru_width=32, attention_window_size=64
    )


def _t5() -> PretrainedConfig:
    # Tied, T5 divides its logits by so much that they are nearly uniform.
    return T5Config(
        **_TOKENS,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
        tie_word_embeddings=False,
    )


def _bart() -> PretrainedConfig:
    return BartConfig(
        **_TOKENS,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        decoder_start_token_id=2,
    )


FAMILIES: dict[str, Family] = {
    "Llama": Family(config=LlamaConfig(**_GROUPED), path="packed"),
    "Mistral, within its window": Family(
        config=MistralConfig(**_GROUPED, sliding_window=LONG_WINDOW), path="packed"
    ),
    "Mistral, beyond its window": Family(
        config=MistralConfig(**_GROUPED, sliding_window=SHORT_WINDOW), path="shared"
    ),
    "Qwen2": Family(config=Qwen2Config(**_GROUPED), path="packed"),
    "Qwen3": Family(config=Qwen3Config(**_GROUPED, head_dim=8), path="packed"),
    "Gemma": Family(config=GemmaConfig(**_GEMMA), path="packed"),
    "Gemma 2, within its window": Family(config=_gemma2(LONG_WINDOW), path="packed"),
    "Gemma 2, beyond its window": Family(config=_gemma2(SHORT_WINDOW), path="shared"),
    "Gemma 3, within its window": Family(config=_gemma3(LONG_WINDOW), path="packed"),
    "Gemma 3, beyond its window": Family(config=_gemma3(SHORT_WINDOW), path="shared"),
    "Phi": Family(config=PhiConfig(**_GROUPED), path="packed"),
    "Phi-3": Family(config=Phi3Config(**_GROUPED, pad_token_id=0), path="packed"),
    "GPT-2": Family(
        config=GPT2Config(**_TOKENS, n_embd=32, n_layer=2, n_head=4, n_positions=256),
        path="packed",
    ),
    "GPT-NeoX": Family(config=GPTNeoXConfig(**_HEADS), path="packed"),
    "OPT": Family(
        config=OPTConfig(
            **_WIDE,
            word_embed_proj_dim=32,
            ffn_dim=48,
            num_attention_heads=4,
            max_position_embeddings=256,
        ),
        path="packed",
    ),
    "Falcon": Family(config=_falcon(alibi=False), path="packed"),
    "Mixtral": Family(
        config=MixtralConfig(**_GROUPED, num_local_experts=4, num_experts_per_tok=2),
        path="packed",
    ),
    "Qwen2-MoE": Family(
        config=Qwen2MoeConfig(**_GROUPED, **_EXPERTS, shared_expert_intermediate_size=24),
        path="packed",
    ),
    "DeepSeek-V3": Family(config=_deepseek(), path="packed"),
    "gpt-oss, within its window": Family(
        config=GptOssConfig(
            **_GEMMA,
            num_local_experts=4,
            num_experts_per_tok=2,
            sliding_window=LONG_WINDOW,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        ),
        path="packed",
    ),
    "Falcon with ALiBi": Family(config=_falcon(alibi=True), path="shared"),
    "BLOOM": Family(config=BloomConfig(**_WIDE, n_head=4), path="shared"),
    "MPT": Family(
        config=MptConfig(**_TOKENS, d_model=32, n_layers=2, n_heads=4, expansion_ratio=2),
        path="shared",
    ),
    "Qwen3-Next (hybrid)": Family(config=_qwen3_next(), path="shared"),
    "LFM2 (hybrid)": Family(
        config=Lfm2Config(**_GROUPED, layer_types=["conv", "full_attention"]),
        path="shared",
    ),
    "Jamba (hybrid)": Family(config=_jamba(), path="plain"),
    "RecurrentGemma (hybrid)": Family(
        config=_recurrent_gemma(), path="plain", samples_with_cache=False
    ),
    "Mamba": Family(
        config=MambaConfig(**_WIDE, state_size=8), path="plain", samples_with_cache=False
    ),
    "Mamba-2": Family(
        config=Mamba2Config(
            **_WIDE, state_size=8, num_heads=8, head_dim=8, n_groups=1, chunk_size=8
        ),
        path="plain",
        samples_with_cache=False,
    ),
    "T5": Family(config=_t5(), path="plain", samples_with_cache=False),
    "BART": Family(config=_bart(), path="plain", samples_with_cache=False),
}


def small_model(family: Family, vocabulary_size: int = VOCABULARY) -> PreTrainedModel:
    """Return a random model of a family whose distributions are far from uniform."""
    config = copy.deepcopy(family.config)
    config.vocab_size = vocabulary_size
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    torch.manual_seed(1)
    model: PreTrainedModel = kind.from_config(config)
    generator = torch.Generator().manual_seed(2)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(std=_SPREAD, generator=generator)
    return model.eval()
