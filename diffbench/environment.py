"""What the process is told before the heavy libraries are imported."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_libraries", "share_the_cores"]

_NOISY = (
    "accelerate",
    "datasets",
    "httpx",
    "huggingface_hub",
    "lm_eval",
    "peft",
    "torch",
    "transformers",
)


def share_the_cores() -> None:
    """Let idle OpenMP threads sleep instead of spin; call before torch is imported.

    With a second busy process on a small machine, spinning threads were seen to make a
    forward pass thirty times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def quiet_libraries(*, verbose: bool) -> Iterator[None]:
    """Within the block, let through errors only; with `verbose`, everything.

    tqdm reads its settings when it is imported, so this has to come before the imports
    that it is to quieten.
    """
    if verbose:
        yield
        return
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for library in ("HF_HUB", "TRANSFORMERS", "DATASETS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
