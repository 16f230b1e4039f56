"""A gate that was made to let something through is caught by the self-test.

Each mutation takes out one guard, in the source that users run.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutation:
    """Text of a source file, and what to put in its place."""

    file: str
    old: str
    new: str


MUTATIONS = {
    "NaN let through": Mutation(
        "results/files.py",
        'raise ResultError(f"{path}: holds {constant}, which is no number")',
        "return 0.495",
    ),
    "missing metric skipped": Mutation(
        "gate/report.py",
        "if any(one.status in _NOT_JUDGED and one.required for one in outcomes):",
        "if False:",
    ),
    "sign flipped for exact values": Mutation(
        "compare/direction.py", "return after - before", "return before - after"
    ),
    "sign flipped for replies": Mutation(
        "compare/intervals.py",
        "value=after.value - before.value,",
        "value=before.value - after.value,",
    ),
    "a result's numbers not computed again": Mutation(
        "gate/judge.py", "wrong = verify_result(result)", "wrong: list[str] = []"
    ),
    "a baseline's seal not looked at": Mutation(
        "gate/baseline.py",
        "if _hash(baseline) != baseline.content_sha256:",
        "if False:",
    ),
    "strict forgotten": Mutation(
        "gate/report.py", "if strict and any(", "if False and any("
    ),
    "unresolved taken for a regression": Mutation(
        "gate/outcome.py",
        'return "pass" if verdict.not_worse else "unresolved"',
        'return "pass" if verdict.not_worse else "regression"',
    ),
    "everything passes": Mutation(
        "gate/report.py",
        'if any(one.status == "regression" and one.blocks for one in outcomes):',
        "if False:",
    ),
}

_RUN = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
import diffbench
name = str(Path(diffbench.__file__).parent / {file!r})
source = Path(name).read_text(encoding="utf-8")
assert source.count({old!r}) == 1, "the mutation does not fit the source any more"
import importlib.abc, importlib.util

class Mutate(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    def find_spec(self, fullname, path, target=None):
        if fullname == {module!r}:
            return importlib.util.spec_from_file_location(fullname, name, loader=self)
    def get_filename(self, fullname):
        return name
    def get_data(self, path):
        if path == name:
            return source.replace({old!r}, {new!r}).encode()
        raise OSError
if {old!r} != {new!r}:
    sys.meta_path.insert(0, Mutate())
sys.argv[1:] = ["check", "--self-test"]
from diffbench.entry import main
main()
"""


def _self_test(mutation: Mutation) -> subprocess.CompletedProcess[str]:
    code = _RUN.format(
        root=str(ROOT),
        file=mutation.file,
        module="diffbench." + mutation.file.removesuffix(".py").replace("/", "."),
        old=mutation.old,
        new=mutation.new,
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
    )


def test_without_a_mutation_the_self_test_passes() -> None:
    same = Mutation("gate/report.py", "if strict and any(", "if strict and any(")
    found = _self_test(same)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_a_mutated_gate_is_caught(name: str) -> None:
    found = _self_test(MUTATIONS[name])
    assert found.returncode == 70, found.stdout + found.stderr
    assert "WRONG" in found.stdout
