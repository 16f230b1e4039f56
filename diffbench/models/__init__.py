"""What `--model` means: the demo model, local folders, hub repositories, aliases."""

from __future__ import annotations

from diffbench.models.spec import ModelSpec, demo_model_dir, model_aliases, parse_model

__all__ = ["ModelSpec", "demo_model_dir", "model_aliases", "parse_model"]
