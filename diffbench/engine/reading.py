"""From logits to the scores of continuations.

Every scoring path leaves logits at nodes, and says at which node each token of each
continuation was predicted. Reading them is the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffbench.engine.decoding import Decoding
from diffbench.engine.requests import Continuation

__all__ = ["read_scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """All tokens of all continuations, one continuation after another.

    Attributes:
        nodes: (E,) where each token is predicted.
        tokens: (E,) the token.
        starts: (n,) first step of each continuation.
        lasts: (n,) last step of each continuation.
    """

    nodes: torch.Tensor
    tokens: torch.Tensor
    starts: NDArray[np.int64]
    lasts: NDArray[np.int64]


def read_scores(
    logits: torch.Tensor,
    nodes: Sequence[Sequence[int]],
    continuations: Sequence[Continuation],
    decodings: Sequence[Decoding],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return log-probabilities (D, n) and greediness (n,) of n continuations.

    Args:
        logits: (M, V) at M nodes, in any floating type.
        nodes: For each continuation the node at which each of its tokens is predicted.
        continuations: The n continuations.
        decodings: D settings under which they would be drawn.
    """
    steps = _steps(nodes, continuations, logits.device)
    likeliest = logits.argmax(-1)[steps.nodes] == steps.tokens
    greedy = np.logical_and.reduceat(likeliest.cpu().numpy(), steps.starts)
    log_p = [_sums(logits, steps, continuations, decoding) for decoding in decodings]
    return np.stack(log_p), greedy


def _steps(
    nodes: Sequence[Sequence[int]],
    continuations: Sequence[Continuation],
    device: torch.device,
) -> _Steps:
    lengths = np.array([len(c.tokens) for c in continuations], dtype=np.int64)
    ends = np.cumsum(lengths)
    flat_nodes = np.concatenate([np.asarray(path, dtype=np.int64) for path in nodes])
    flat_tokens = np.concatenate([np.asarray(c.tokens) for c in continuations])
    return _Steps(
        nodes=torch.from_numpy(flat_nodes).to(device),
        tokens=torch.from_numpy(flat_tokens).to(device),
        starts=ends - lengths,
        lasts=ends - 1,
    )


def _sums(
    logits: torch.Tensor,
    steps: _Steps,
    continuations: Sequence[Continuation],
    decoding: Decoding,
) -> NDArray[np.float64]:
    scores, norm = _normalised(logits, decoding)
    each = (scores[steps.nodes, steps.tokens] - norm[steps.nodes]).double().cpu().numpy()
    last_nodes = steps.nodes[torch.from_numpy(steps.lasts).to(logits.device)]
    for members, closers in _by_closers(continuations):
        at = last_nodes[torch.tensor(members, device=logits.device)]
        chosen = torch.from_numpy(closers).to(logits.device)
        mass = scores[at[:, None], chosen] - norm[at, None]
        each[steps.lasts[members]] = torch.logsumexp(mass.double(), -1).cpu().numpy()
    return np.asarray(np.add.reduceat(each, steps.starts))


def _normalised(
    logits: torch.Tensor, decoding: Decoding
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (M, V) scores and (M,) what to subtract from them for log-probabilities."""
    if decoding.is_neutral:
        # Few of the V entries are read, so the others are not written again.
        return logits, torch.logsumexp(logits.float(), dim=-1)
    log_p = decoding.log_probabilities(logits.float())
    return log_p, torch.zeros(len(log_p), device=log_p.device)


def _by_closers(
    continuations: Sequence[Continuation],
) -> list[tuple[list[int], NDArray[np.int64]]]:
    groups: dict[int, tuple[list[int], NDArray[np.int64]]] = {}
    for i, continuation in enumerate(continuations):
        if continuation.closers is not None:
            key = id(continuation.closers)
            groups.setdefault(key, ([], continuation.closers))[0].append(i)
    return list(groups.values())
