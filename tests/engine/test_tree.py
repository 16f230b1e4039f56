"""The prefix tree against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.engine.tree import build_tree, split_sequences

SEQUENCES = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=20
)


@settings(deadline=None)
@given(SEQUENCES)
def test_nodes_are_the_distinct_proper_prefixes(sequences: list[list[int]]) -> None:
    tree = build_tree(sequences)
    prefixes = {tuple(s[:i]) for s in sequences for i in range(len(s))}
    assert tree.size == len(prefixes)
    assert len(tree.edge_tokens) == len(
        {tuple(s[:i]) for s in sequences for i in range(1, len(s) + 1)}
    )


@settings(deadline=None)
@given(SEQUENCES)
def test_paths_spell_their_sequences(sequences: list[list[int]]) -> None:
    tree = build_tree(sequences)
    for sequence, path in zip(sequences, tree.paths, strict=True):
        assert [int(tree.edge_tokens[edge]) for edge in path] == sequence
        depths = [int(tree.depths[tree.edge_nodes[edge]]) for edge in path]
        assert depths == list(range(len(sequence)))


@settings(deadline=None)
@given(SEQUENCES)
def test_mask_allows_ancestors_and_self_only(sequences: list[list[int]]) -> None:
    tree = build_tree(sequences)
    mask = tree.ancestor_mask()
    for node in range(tree.size):
        ancestors, walk = set(), node
        while walk >= 0:
            ancestors.add(walk)
            walk = int(tree.parents[walk])
        assert set(np.flatnonzero(mask[node]).tolist()) == ancestors


@settings(deadline=None)
@given(SEQUENCES)
def test_edge_mass_is_the_weight_below(sequences: list[list[int]]) -> None:
    weights = [float(i + 1) for i in range(len(sequences))]
    tree = build_tree(sequences)
    mass = tree.edge_mass(weights)
    for sequence, path in zip(sequences, tree.paths, strict=True):
        for depth, edge in enumerate(path, start=1):
            below = [
                weight
                for other, weight in zip(sequences, weights, strict=True)
                if other[:depth] == sequence[:depth]
            ]
            assert mass[edge] == pytest.approx(sum(below))


@settings(deadline=None)
@given(SEQUENCES, st.integers(1, 12))
def test_split_keeps_every_sequence_once_and_the_limit(
    sequences: list[list[int]], max_nodes: int
) -> None:
    groups = list(split_sequences(sequences, max_nodes))
    assert sorted(i for group in groups for i in group) == list(range(len(sequences)))
    for group in groups:
        chosen = [sequences[i] for i in group]
        # One sequence alone may be longer than the limit; it cannot be cut.
        assert len({tuple(s) for s in chosen}) == 1 or build_tree(chosen).size <= max_nodes


@pytest.mark.parametrize("sequences", [[], [[1], []]])
def test_refuses_nothing_to_score(sequences: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        build_tree(sequences)
