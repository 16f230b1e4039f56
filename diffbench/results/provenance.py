"""With what a run was made: packages, hardware, checkout. No host name, no paths."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from diffbench.results.schema import GitInfo

__all__ = ["checkout", "hardware", "package_versions"]

_PACKAGES = ("lm_eval", "numpy", "peft", "scipy", "tokenizers", "torch", "transformers")
_ROOT = Path(__file__).resolve().parents[2]


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that numbers may depend on."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        versions[name] = metadata.version(name)
    return versions


def hardware(device_name: str) -> str:
    """Describe the machine in a line: device, processor kind, cores."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{device_name}; {system}, {os.cpu_count()} cores"


def checkout() -> GitInfo | None:
    """Return the commit of the checkout that DiffBench runs from, if it is one."""
    if not (_ROOT / ".git").exists():
        return None
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain")
    if not commit or status is None:
        return None
    return GitInfo(commit=commit, dirty=bool(status))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
