"""A gate that was made to let something through is caught by the self-test.

Each mutation takes out one guard, in the source that users run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mutations")]

ROOT = Path(__file__).parents[2]
NONE = "no mutation"


@dataclass(frozen=True)
class Mutation:
    """Text of a source file, and what to put in its place."""

    file: str
    old: str
    new: str


MUTATIONS = {
    "NaN let through": Mutation(
        "compare/judge.py",
        'return _problem(verdict, "invalid", str(error))',
        'return replace(verdict, verdict="equivalent", not_worse=True)',
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
        "if _hash(content) != baseline.content_sha256:",
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
import importlib.abc, importlib.util, json, os, sys
from pathlib import Path
import click, numpy, pandas, pydantic, scipy.stats, yaml  # once for all children

root, mutations = Path(sys.argv[1]), json.loads(sys.argv[2])

class Mutate(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    def __init__(self, file, old, new):
        self.module = "diffbench." + file.removesuffix(".py").replace("/", ".")
        self.path = str(root / "diffbench" / file)
        source = Path(self.path).read_text(encoding="utf-8")
        assert source.count(old) == 1, "the mutation does not fit the source any more"
        self.source = source.replace(old, new)
    def find_spec(self, name, path, target=None):
        if name == self.module:
            return importlib.util.spec_from_file_location(name, self.path, loader=self)
    def get_filename(self, name):
        return self.path
    def get_data(self, path):
        if path != self.path:
            raise OSError
        return self.source.encode()

found = {}
for name, (file, old, new) in mutations.items():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        sys.path.insert(0, str(root))
        sys.meta_path.insert(0, Mutate(file, old, new))
        sys.argv[1:] = ["check", "--self-test"]
        from diffbench.entry import main
        main()
    os.close(writing)
    with os.fdopen(reading) as output:
        text = output.read()
    found[name] = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[int, str]]:
    """Exit code and output of the self-test under each mutation."""
    same = Mutation("gate/report.py", "if strict and any(", "if strict and any(")
    asked = {
        name: (one.file, one.old, one.new)
        for name, one in {**MUTATIONS, NONE: same}.items()
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN, str(ROOT), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return results


def test_without_a_mutation_the_self_test_passes(found: dict[str, tuple[int, str]]) -> None:
    code, text = found[NONE]
    assert code == 0, text


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_a_mutated_gate_is_caught(name: str, found: dict[str, tuple[int, str]]) -> None:
    code, text = found[name]
    assert code == 70, text
    assert "WRONG" in text
