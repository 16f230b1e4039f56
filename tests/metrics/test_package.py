from __future__ import annotations

import ast
import sys
from pathlib import Path

import diffbench.metrics
from diffbench.metrics import METRICS

FOLDER = Path(diffbench.metrics.__file__).parent
ALLOWED = {"numpy", "scipy"} | set(sys.stdlib_module_names)


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path.name}"
            found.add(str(node.module))
    return found


def test_only_numpy_scipy_and_its_own_are_imported() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) > 5
    for path in files:
        for module in imported_modules(path):
            own = module.startswith("diffbench.metrics")
            assert own or module.split(".")[0] in ALLOWED, f"{path.name}: {module}"


def test_exports_are_complete_and_exist() -> None:
    exported = diffbench.metrics.__all__
    assert len(set(exported)) == len(exported)
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    assert imported == set(exported)
    assert all(hasattr(diffbench.metrics, name) for name in exported)


def test_each_plain_metric_has_a_function_of_its_name() -> None:
    computed_otherwise = {"valid_mass"}
    for metric in METRICS:
        if "_valid" in metric.name and metric.name != "kl_reverse_valid":
            continue
        if metric.name.startswith("coverage") or metric.name in computed_otherwise:
            continue
        assert callable(getattr(diffbench.metrics, metric.name)), metric.name
