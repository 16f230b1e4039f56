"""Hashes by which tasks and results files name the same thing."""

from __future__ import annotations

import hashlib

__all__ = ["prompt_sha256"]


def prompt_sha256(text: str, prefix: str) -> str:
    """Hash a prompt before any chat template, and how its reply was already begun."""
    return hashlib.sha256(f"{text}\0{prefix}".encode()).hexdigest()
