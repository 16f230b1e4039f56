"""Load a causal language model with its tokenizer, or say in one sentence why not."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants as hub_constants
from huggingface_hub import errors as hub_errors
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from diffbench.errors import ModelError, printable
from diffbench.models.spec import ModelSpec
from diffbench.processes import is_one_of_many, local_rank

__all__ = [
    "SPREAD",
    "Dtype",
    "LoadOptions",
    "LoadedModel",
    "adapter_sha256",
    "is_synthetic",
    "load_model",
    "resolve_device",
    "tied_modules",
]

Dtype = Literal["auto", "float32", "bfloat16", "float16"]

SPREAD = "spread"
_CHUNK_BYTES = 1 << 22

# What a damaged or foreign model folder makes the libraries raise, each in its own way.
_LOADING_ERRORS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,
    ImportError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    SafetensorError,
    hub_errors.StrictDataclassError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How to load a model.

    Attributes:
        device: `auto`, a torch device such as `cpu` or `cuda:0`, or `spread`, which lays
            the layers over all GPUs.
        dtype: `auto` is float32 on a CPU and the model's own type elsewhere.
        adapter: Folder of a PEFT adapter to put on the model.
        revision: Branch, tag or commit of a hub repository.
        trust_remote_code: Run Python code that comes with the model.
        sharded: Leave the weights in main memory, for a caller who divides them among the
            devices of several processes.
    """

    device: str = "auto"
    dtype: Dtype = "auto"
    adapter: Path | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    sharded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model ready to be measured.

    Attributes:
        sharded: Its weights are divided among the processes, which have to make every
            forward pass together.
    """

    spec: ModelSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    revision: str | None
    weights_fingerprint: str | None
    adapter_sha256: str | None
    sharded: bool = False


def is_synthetic(loaded: LoadedModel) -> bool:
    """Return whether a model is known to be a made-up specimen."""
    stated = getattr(loaded.model.config, "synthetic", False)
    return loaded.spec.kind == "demo" or bool(stated)


def resolve_device(device: str) -> torch.device:
    """Turn `auto` into the best device at hand; each of several processes has its own.

    Raises:
        ModelError: If the name is no device, or that device is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and is_one_of_many():
        device = f"cuda:{local_rank()}"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ModelError(
            f"--device {printable(device)!r} is no device; write auto, cpu, cuda or spread"
        ) from None
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available()
        and (chosen.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(chosen.type, False):
        raise ModelError(
            f"--device {printable(device)}: there is no such device here; write auto or cpu"
        )
    return chosen


def load_model(spec: ModelSpec, options: LoadOptions) -> LoadedModel:
    """Load the model of a spec.

    Raises:
        ModelError: If it is missing, gated, unreachable, or not a causal model.
    """
    spreads = options.device == SPREAD
    device = resolve_device("auto" if spreads else options.device)
    hub: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    if spec.kind == "hub":
        hub["local_files_only"] = not _hub_has_an_address()
        if options.revision:
            hub["revision"] = options.revision
    # `accelerate launch --use_fsdp` sets it, and all processes but one may get no weights.
    os.environ.pop("FSDP_CPU_RAM_EFFICIENT_LOADING", None)
    try:
        config = AutoConfig.from_pretrained(spec.source, **hub)
        if config.is_encoder_decoder:
            raise ModelError(
                f"{printable(spec.name)} is an encoder-decoder model; DiffBench measures "
                "causal language models"
            )
        tokenizer = AutoTokenizer.from_pretrained(spec.source, **hub)
        model, report = AutoModelForCausalLM.from_pretrained(
            spec.source,
            dtype=_dtype(options.dtype, device),
            use_safetensors=True,
            output_loading_info=True,
            device_map="auto" if spreads else None,
            **hub,
        )
        if not (spreads or options.sharded):
            model = model.to(device)
        model = model.eval()
    except _LOADING_ERRORS as error:
        raise ModelError(_why(spec, error)) from error
    _refuse_gaps(spec, report)
    if options.adapter is not None:
        model = _with_adapter(model, options.adapter)
    return LoadedModel(
        spec=spec,
        model=model,
        tokenizer=tokenizer,
        revision=_commit(spec, options.revision),
        weights_fingerprint=_fingerprint(spec),
        adapter_sha256=adapter_sha256(options.adapter) if options.adapter else None,
        sharded=options.sharded,
    )


def _refuse_gaps(spec: ModelSpec, report: Mapping[str, Any]) -> None:
    """Refuse a model whose weights would be filled with random numbers."""
    for kind in ("missing_keys", "mismatched_keys", "conversion_errors"):
        found = sorted(map(str, report.get(kind) or ()))
        if found:
            raise ModelError(
                f"{printable(spec.name)} is not whole: {len(found)} of its weights have "
                f"{kind.replace('_', ' ')}, first {printable(found[0])}; get the model's "
                "files again"
            )


def _dtype(dtype: Dtype, device: torch.device) -> torch.dtype | str:
    if dtype != "auto":
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }[dtype]
    return torch.float32 if device.type == "cpu" else "auto"


def _hub_has_an_address() -> bool:
    # Without this, the hub's client retries for half a minute on a machine with no
    # network. Behind a proxy the name need not resolve here.
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    try:
        socket.getaddrinfo(urlsplit(hub_constants.ENDPOINT).hostname, 443)
    except OSError:
        return False
    return True


def _with_adapter(model: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    from peft import PeftModel, get_peft_model_state_dict

    if not (adapter / "adapter_config.json").is_file():
        raise ModelError(
            f"--adapter {printable(adapter)}: no adapter_config.json there; name the "
            "folder of a PEFT adapter"
        )
    if not (adapter / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"--adapter {printable(adapter)}: no adapter_model.safetensors there; "
            "adapters in pickle files are not loaded"
        )
    try:
        stored = set(load_file(adapter / "adapter_model.safetensors"))
        tuned = PeftModel.from_pretrained(model, str(adapter))
        needed = set(get_peft_model_state_dict(tuned, save_embedding_layers=False))
        # PEFT itself may have written an adapted output layer's own matrix beside it.
        known = needed | set(get_peft_model_state_dict(tuned, save_embedding_layers=True))
        # Merged into one matrix, an adapter on tied embeddings would act in two places.
        tied = tied_modules(model, tuned)
        merged = tuned.get_base_model() if tied else tuned.merge_and_unload()
    except _LOADING_ERRORS as error:
        raise ModelError(
            f"--adapter {printable(adapter)} does not fit this model: {printable(error)}"
        ) from error
    wrong = (needed - stored) | (stored - known)
    if wrong:
        raise ModelError(
            f"--adapter {printable(adapter)} does not fit this model: "
            f"{len(wrong)} of its weights are missing or unknown, first "
            f"{printable(min(wrong))}"
        )
    model_with_adapter: PreTrainedModel = merged
    return model_with_adapter


def tied_modules(model: PreTrainedModel, tuned: Any) -> list[str]:
    """Return the adapted layers whose matrix another layer has too.

    Args:
        model: The base model.
        tuned: The same with an adapter on it.
    """
    if not getattr(model.config.get_text_config(), "tie_word_embeddings", False):
        return []
    shared = model.get_input_embeddings()
    weight = getattr(shared, "base_layer", shared).weight
    return [
        name
        for name, module in tuned.named_modules()
        if getattr(getattr(module, "base_layer", None), "weight", None) is weight
    ]


def _why(spec: ModelSpec, error: Exception) -> str:
    name = printable(spec.name)
    causes = tuple(_chain(error))
    if any(isinstance(cause, hub_errors.GatedRepoError) for cause in causes):
        return (
            f"{name} is gated: accept its terms on the Hugging Face hub, then log in with "
            "`hf auth login` or set HF_TOKEN"
        )
    if any(isinstance(cause, hub_errors.RepositoryNotFoundError) for cause in causes):
        return (
            f"the Hugging Face hub has no model {name}, or your token may not see it; "
            "check the spelling, or log in with `hf auth login`"
        )
    if any(isinstance(cause, hub_errors.RevisionNotFoundError) for cause in causes):
        return f"{name} has no such revision; check --revision"
    if spec.kind == "hub" and _is_unreachable(causes):
        return (
            f"{name} is not in the local cache and the Hugging Face hub cannot be "
            "reached; check the network, or name a local folder as hf:<folder>"
        )
    return f"{name} cannot be loaded: {type(error).__name__}: {printable(error, 300)}"


def _is_unreachable(causes: tuple[BaseException, ...]) -> bool:
    words = ("connect", "offline", "couldn't reach", "cached files", "timed out")
    return any(
        isinstance(cause, ConnectionError | TimeoutError)
        or any(word in str(cause).lower() for word in words)
        for cause in causes
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _commit(spec: ModelSpec, revision: str | None) -> str | None:
    """Return the commit that the hub's cache holds a revision under."""
    if spec.kind != "hub":
        return None
    config = try_to_load_from_cache(spec.source, "config.json", revision=revision)
    return Path(config).parent.name if isinstance(config, str) else None


def _fingerprint(spec: ModelSpec) -> str | None:
    """Hash all weights of a local folder; a hub model has its commit instead."""
    if spec.kind == "hub":
        return None
    return _sha256_of_files(sorted(Path(spec.source).glob("*.safetensors")))


def adapter_sha256(adapter: Path) -> str:
    """Hash an adapter's weights and its settings, which scale them."""
    names = ("adapter_config.json", "adapter_model.safetensors")
    return _sha256_of_files([adapter / name for name in names])


def _sha256_of_files(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
