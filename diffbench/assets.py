"""Find the folders that are not Python: tasks, leaderboard and training.

In a checkout they stand at the top level, in an installed wheel under
`diffbench/_assets`. Nothing else looks for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["AssetKind", "asset_dir"]

AssetKind = Literal["tasks", "leaderboard", "training"]

_PACKAGE = Path(__file__).resolve().parent


def asset_dir(kind: AssetKind) -> Path:
    """Return the folder of one kind of asset.

    Raises:
        FileNotFoundError: If the installation lacks the folder.
    """
    packaged = _PACKAGE / "_assets"
    root = packaged if packaged.is_dir() else _PACKAGE.parent
    folder = root / kind
    if not folder.is_dir():
        raise FileNotFoundError(f"DiffBench's {kind} folder is missing: {folder}")
    return folder
