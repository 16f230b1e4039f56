"""A lower layer never imports a higher one, and no file or function outgrows its idea."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "diffbench"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each layer may import from the rows above it and from itself; nothing imports `cli`.
LAYERS = (
    ("accident", "errors", "version", "environment", "hashing", "processes"),
    ("assets", "metrics", "targets"),
    ("answers", "instructed"),
    ("engine", "results", "suite"),
    ("compare", "models", "options"),
    ("harness",),
    ("export", "gate", "tuning"),
    ("api", "demo", "site"),
    ("cli",),
    ("entry",),
    ("__init__", "__main__"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

MAX_LINES = 400
MAX_FUNCTION_LINES = 60
MEDIAN_LINES = 150


def _layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    here = _layer(path)
    for name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] != "diffbench" or len(parts) < 2 or parts[1] not in RANK:
            continue
        there = parts[1]
        same_rank = RANK[there] == RANK[here] and there != here
        assert RANK[there] <= RANK[here] and not same_rank, f"{here} imports {name}"


def test_metrics_and_targets_know_nothing_of_the_rest() -> None:
    for path in FILES:
        if _layer(path) == "metrics":
            for name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
                assert not name.startswith("diffbench") or "diffbench.metrics" in name


def test_every_module_has_a_layer() -> None:
    assert {_layer(path) for path in FILES} == set(RANK)


def test_files_and_functions_stay_small() -> None:
    lengths = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        lengths.append(len(text.splitlines()))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                assert size <= MAX_FUNCTION_LINES, f"{path.name}: {node.name} has {size}"
    assert max(lengths) <= MAX_LINES
    assert sorted(lengths)[len(lengths) // 2] <= MEDIAN_LINES
