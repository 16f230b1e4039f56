"""The prefix tree of a set of token sequences that follow one prompt.

Outcomes share most of their first tokens. In the tree each shared prefix stands once,
so one forward pass over its nodes gives the log-probability of every sequence.

A *node* is a proper prefix of some sequence; node 0 is the empty one, that is, the last
token of the prompt. An *edge* is a token that may follow a node. The last token of a
sequence is only ever an edge: nothing is predicted from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrefixTree", "build_tree", "split_sequences"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixTree:
    """Nodes and edges of a prefix tree, parents before children.

    Attributes:
        tokens: (M,) token id that leads into each node; -1 at node 0.
        parents: (M,) node that each node follows; -1 at node 0.
        depths: (M,) number of reply tokens up to and including each node; 0 at node 0.
        edge_nodes: (E,) node from which each edge leaves.
        edge_tokens: (E,) token id of each edge.
        paths: For each sequence, the edges from node 0 to its last token.
    """

    tokens: IntArray
    parents: IntArray
    depths: IntArray
    edge_nodes: IntArray
    edge_tokens: IntArray
    paths: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Number of nodes M, node 0 included."""
        return len(self.tokens)

    def ancestor_mask(self) -> BoolArray:
        """Return (M, M): entry [i, j] says that j is i or an ancestor of i."""
        mask = np.eye(self.size, dtype=np.bool_)
        for node in range(1, self.size):
            mask[node] |= mask[self.parents[node]]
        return mask

    def edge_mass(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Sum the weights of the sequences that pass through each edge.

        Args:
            weights: (number of sequences,) weight of each, such as its target
                probability.

        Returns:
            (E,) float64.
        """
        mass = np.zeros(len(self.edge_tokens))
        for path, weight in zip(self.paths, weights, strict=True):
            mass[list(path)] += weight
        return mass


def build_tree(sequences: Sequence[Sequence[int]]) -> PrefixTree:
    """Build the prefix tree of token sequences.

    Args:
        sequences: At least one; each with at least one token. Repeats are allowed.

    Raises:
        ValueError: If there is no sequence or an empty one.
    """
    if not sequences or any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("a prefix tree needs sequences of at least one token each")
    nodes: dict[tuple[int, int], int] = {}
    edges: dict[tuple[int, int], int] = {}
    tokens, parents, depths = [-1], [-1], [0]
    paths: list[tuple[int, ...]] = []
    for sequence in sequences:
        node, path = 0, []
        for token in sequence[:-1]:
            key = (node, token)
            path.append(edges.setdefault(key, len(edges)))
            child = nodes.get(key)
            if child is None:
                child = nodes[key] = len(tokens)
                tokens.append(token)
                parents.append(node)
                depths.append(depths[node] + 1)
            node = child
        path.append(edges.setdefault((node, sequence[-1]), len(edges)))
        paths.append(tuple(path))
    return PrefixTree(
        tokens=np.array(tokens, dtype=np.int64),
        parents=np.array(parents, dtype=np.int64),
        depths=np.array(depths, dtype=np.int64),
        edge_nodes=np.array([node for node, _ in edges], dtype=np.int64),
        edge_tokens=np.array([token for _, token in edges], dtype=np.int64),
        paths=tuple(paths),
    )


def split_sequences(
    sequences: Sequence[Sequence[int]], max_nodes: int
) -> Iterator[list[int]]:
    """Split sequences into groups whose trees have at most `max_nodes` nodes each.

    Neighbours in sorted order share the longest prefixes, so a group is a run of them.
    A single sequence longer than the limit forms a group of its own.

    Yields:
        Positions in `sequences`, every one exactly once.
    """
    order = sorted(range(len(sequences)), key=lambda i: tuple(sequences[i]))
    group: list[int] = []
    size = 1
    for i in order:
        # The last token is an edge only, so n tokens have n - 1 nodes besides node 0.
        nodes = sequences[i][:-1]
        new = len(nodes)
        if group:
            new -= _shared_prefix(sequences[group[-1]][:-1], nodes)
        if group and size + new > max_nodes:
            yield group
            group, size, new = [], 1, len(nodes)
        group.append(i)
        size += new
    if group:
        yield group


def _shared_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    return shared
