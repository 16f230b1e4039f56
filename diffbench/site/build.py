"""From results files to a site."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from diffbench.assets import asset_dir
from diffbench.errors import ResultError
from diffbench.metrics import METRICS
from diffbench.site.board import Board, make_boards
from diffbench.site.data import run_script, runs_csv, runs_json, target_scripts
from diffbench.site.inputs import Inputs, Refused, read_inputs
from diffbench.site.output import SiteFolder
from diffbench.site.page import Frame
from diffbench.site.pages.biographies import biographies_page
from diffbench.site.pages.board_pages import board_pages
from diffbench.site.pages.fixed import compare_page, downloads_page, methodology_page
from diffbench.site.pages.generalisation import generalisation_page
from diffbench.site.pages.model import model_pages
from diffbench.site.pages.task import task_pages
from diffbench.site.render import make_environment
from diffbench.site.runs import Run, make_runs
from diffbench.site.work import Unit, collector_resting, forked
from diffbench.suite import shipped_catalog
from diffbench.version import __version__

__all__ = ["BuildReport", "build_site"]

_Maker: TypeAlias = Callable[[], list[tuple[str, bytes]]]
"""Makes some files of the site: paths and contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """A finished site.

    Attributes:
        output: Where it lies.
        n_runs: Results files in it.
        n_files: Files that were written.
        refused: Files that were left out.
        duplicates: Files whose content another one has.
    """

    output: Path
    n_runs: int
    n_files: int
    refused: Sequence[Refused]
    duplicates: Sequence[str]


def build_site(
    places: Sequence[Path], output: Path, *, jobs: int | None = None
) -> BuildReport:
    """Build the leaderboard's site; the same inputs give the same bytes.

    Args:
        places: Results files, or folders that are searched for them.
        output: Folder of the site; an earlier site there is replaced.
        jobs: Processes; by default one a core.

    Raises:
        ResultError: If no file is sound, or the folder cannot be used.
    """
    jobs = jobs or os.cpu_count() or 1
    with collector_resting():
        return _build(read_inputs(places, jobs=jobs), output, jobs)


def _build(inputs: Inputs, output: Path, jobs: int) -> BuildReport:
    if not inputs.submissions:
        first = inputs.refused[0]
        raise ResultError(f"no results file is sound (first: {first.name}: {first.reason})")
    runs = make_runs(inputs)
    closed = [run for run in runs if run.tasks]
    if not closed:
        raise ResultError(
            "every sound file holds biographies only; add a run of tasks with a target"
        )
    boards = make_boards(closed, jobs=jobs)
    with SiteFolder(output) as site:
        frame = _frame(site, inputs, runs)
        makers = [*_pages(frame, inputs, runs, closed, boards), *_data(closed)]
        for files in forked(lambda i: makers[i](), len(makers), jobs):
            for path, content in files:
                site.write(path, content)
        _copy_results(site, inputs, runs)
        last = downloads_page(inputs, runs, site.hashes)
        site.write(last.path, frame.render(last))
        n_files = len(site.hashes) + 1
        site.finish(_manifest(inputs, runs))
    return BuildReport(
        output=output,
        n_runs=len(runs),
        n_files=n_files,
        refused=inputs.refused,
        duplicates=inputs.duplicates,
    )


def _pages(
    frame: Frame,
    inputs: Inputs,
    runs: Sequence[Run],
    closed: Sequence[Run],
    boards: Sequence[Board],
) -> Iterator[_Maker]:
    for unit in _units(inputs, runs, closed, boards):
        yield partial(_rendered, frame, unit)


def _rendered(frame: Frame, unit: Unit) -> list[tuple[str, bytes]]:
    return [(page.path, frame.render(page)) for page in unit()]


def _data(runs: Sequence[Run]) -> Iterator[_Maker]:
    """Yield what makes the tables, and the data for scripts."""
    yield lambda: [("data/runs.csv", runs_csv(runs))]
    yield lambda: [("data/runs.json", runs_json(runs))]
    yield lambda: list(target_scripts(runs))
    for run in runs:
        yield partial(_run_script, run)


def _run_script(run: Run) -> list[tuple[str, bytes]]:
    return [run_script(run)]


def _units(
    inputs: Inputs, runs: Sequence[Run], closed: Sequence[Run], boards: Sequence[Board]
) -> Iterator[Unit]:
    for number, board in enumerate(boards):
        yield from board_pages(number, boards)
        yield from model_pages(board)
    yield from task_pages(boards, shipped_catalog().tasks)
    yield lambda: [
        generalisation_page(boards, inputs.studies),
        compare_page(closed),
        methodology_page(),
    ]
    yield lambda: [biographies_page(runs)]


def _copy_results(site: SiteFolder, inputs: Inputs, runs: Sequence[Run]) -> None:
    """Write every results file as it came."""
    places = {run.result.content_sha256: run.file for run in runs}
    for one in inputs.submissions:
        site.write(places[one.result.content_sha256], one.path.read_bytes())


def _frame(site: SiteFolder, inputs: Inputs, runs: Sequence[Run]) -> Frame:
    return Frame(
        environment=make_environment(),
        assets=_assets(site),
        shared={
            "version": __version__,
            "n_runs": len(runs),
            "n_refused": len(inputs.refused),
            "titles": {metric.name: metric.short for metric in METRICS},
            "latest": max(run.result.run.created for run in runs),
        },
    )


def _assets(site: SiteFolder) -> dict[str, str]:
    """Write the static files under names that hold their hash, plotly's among them."""
    from plotly.offline import get_plotlyjs

    contents = {
        path.name: path.read_bytes()
        for path in sorted((asset_dir("leaderboard") / "static").iterdir())
        if path.suffix in (".css", ".js")
    }
    contents["plotly.js"] = get_plotlyjs().encode()
    names = {}
    for name, content in contents.items():
        stem, _, suffix = name.rpartition(".")
        names[name] = f"{stem}.{hashlib.sha256(content).hexdigest()[:10]}.{suffix}"
        site.write(f"assets/{names[name]}", content)
    return names


def _manifest(inputs: Inputs, runs: Sequence[Run]) -> Mapping[str, Any]:
    from plotly import __version__ as plotly_version

    return {
        "diffbench": __version__,
        "plotly": plotly_version,
        "inputs": [
            {
                "run": run.slug,
                "file": run.file,
                "sha256": run.sha256,
                "content_sha256": run.result.content_sha256,
            }
            for run in runs
        ],
        "left_out": [
            {"name": one.name, "reason": one.reason}
            for one in sorted(inputs.refused, key=lambda one: (one.name, one.reason))
        ],
    }
