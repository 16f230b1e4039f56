"""Task and prompt files that tests write."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["GROUP", "TASK", "write", "write_prompt"]

TASK = """\
task: coin
class: !function diffbench.harness.task.DistributionTask
metadata: {version: 1.0}
distribution:
  family: coins
  title: Coin
  target: {outcomes: [heads, tails]}
  prompts:
    train:
      - {id: toss, text: "Toss a coin. Reply with {heads} or {tails}."}
    held_out:
      - {id: flip, text: "Flip a coin. Reply with {heads} or {tails}."}
"""
GROUP = "group: money\ntask: [coin]\n"


def write(path: Path, content: str | bytes = TASK) -> Path:
    """Write a file below folders that need not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_prompt(path: Path, **keys: object) -> Path:
    """Write a prompt file of the paper: a coin, unless the keys say otherwise."""
    usual = {"request": "Toss a coin.", "response": "", "targets": ["{heads}", "{tails}"]}
    return write(path, json.dumps({**usual, **keys}))
