"""A site from results files: what is in it, what is left out, and the same bytes always."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly import graph_objects as go

from diffbench.assets import asset_dir
from diffbench.errors import ResultError
from diffbench.results import write_results
from diffbench.site import build_site, read_inputs
from diffbench.targets import Outcome, make_target
from tests.results.factory import content_of, exact_task, make_run_of, sampled_task, seal
from tests.site.many import HOSTILE, alter, base_run, put, tuned_run

pytestmark = pytest.mark.xdist_group("site")

ROOT = Path(__file__).parents[2]


def _tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _islands(text: str) -> list[Any]:
    found = re.findall(
        r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL
    )
    return [json.loads(one, parse_constant=pytest.fail) for one in found]


def test_the_same_bytes_from_any_order_zone_locale_and_folder(
    board: Path, site: Path, tmp_path: Path
) -> None:
    # Other folder names turn the order of the files round.
    moved = tmp_path / "elsewhere"
    for number, folder in enumerate(sorted(board.iterdir(), reverse=True)):
        name = folder.name if folder.name.startswith("broken") else f"{number:03}"
        shutil.copytree(folder, moved / name)
    out = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "diffbench", "leaderboard", "build", str(moved),
         "--output", str(out), "--jobs", "2"],
        cwd=tmp_path,
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7",
            "TZ": "Pacific/Apia", "LC_ALL": "C",
        },
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert _tree(out) == _tree(site)


def test_the_manifest_names_every_file(site: Path) -> None:
    manifest = json.loads((site / "manifest.json").read_text())
    tree = _tree(site)
    del tree["manifest.json"]
    assert manifest["outputs"] == tree
    assert len(manifest["inputs"]) == 15
    assert [one["name"] for one in manifest["left_out"]] == ["broken<b>/results.json"]


def test_a_broken_file_is_named_and_in_no_page(site: Path, board: Path) -> None:
    text = (site / "downloads.html").read_text()
    assert "broken&lt;b&gt;/results.json" in text
    assert "not a whole JSON file" in text
    assert "1 file was left out" in (site / "index.html").read_text()
    (refused,) = read_inputs([board]).refused
    assert refused.path.name == "results.json"


def _wrong_number(content: dict[str, Any]) -> None:
    content["tasks"][0]["metrics"]["overlap"]["value"] += 0.1


def _newer(content: dict[str, Any]) -> None:
    content["schema_version"] = "99"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_wrong_number, "when computed again"), (_newer, "update diffbench")],
)
def test_a_file_whose_numbers_do_not_follow_is_left_out(
    tmp_path: Path, spoil: Any, words: str
) -> None:
    put(tmp_path / "in", [base_run("good/one")])
    content = content_of(base_run("bad/one", seed=3))
    spoil(content)
    bad = tmp_path / "in" / "bad" / "results.json"
    bad.parent.mkdir()
    bad.write_text(json.dumps(seal(content)))
    report = build_site([tmp_path / "in"], tmp_path / "site", jobs=1)
    assert report.n_runs == 1
    assert words in report.refused[0].reason
    for page in (tmp_path / "site").rglob("*.html"):
        assert "bad/one" not in page.read_text()


def test_nothing_sound_is_an_error_and_leaves_no_site(tmp_path: Path) -> None:
    bad = tmp_path / "results.json"
    bad.write_text("{")
    with pytest.raises(ResultError, match="no results file is sound"):
        build_site([bad], tmp_path / "site", jobs=1)
    assert not (tmp_path / "site").exists()
    with pytest.raises(ResultError, match="there is no such file"):
        build_site([tmp_path / "nowhere"], tmp_path / "site", jobs=1)


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    put(tmp_path / "in", [base_run("good/one")])
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter.txt").write_text("years of work")
    with pytest.raises(ResultError, match="holds no site"):
        build_site([tmp_path / "in"], mine, jobs=1)
    assert (mine / "chapter.txt").read_text() == "years of work"


def test_a_site_is_replaced_as_a_whole(tmp_path: Path) -> None:
    put(tmp_path / "in", [base_run("first/one")])
    build_site([tmp_path / "in"], tmp_path / "site", jobs=1)
    put(tmp_path / "in", [base_run("second/one", seed=2)])
    build_site([tmp_path / "in"], tmp_path / "site", jobs=1)
    assert "first/one" not in (tmp_path / "site" / "index.html").read_text()
    assert len(list((tmp_path / "site" / "models").iterdir())) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "site"]


def test_no_template_trusts_what_it_shows() -> None:
    for path in (asset_dir("leaderboard") / "templates").iterdir():
        text = path.read_text()
        assert not re.search(r"\|\s*safe\b|Markup|autoescape", text), path.name
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text), path.name
        assert not re.search(r"\son\w+=", text), path.name
    for path in (asset_dir("leaderboard") / "static").glob("*.js"):
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|fetch\(", text)


def test_hostile_text_is_escaped_everywhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text()
        assert "<img" not in text
        assert "<script>" not in text
        assert 'href="javascript' not in text
        assert "\u202e" not in text
        assert "<b>bold</b>" not in text
        assert "{{" not in text.replace("{{ 7 * 7 }}", "")


def test_file_names_are_harmless_and_distinct(site: Path) -> None:
    names = [path.name for path in (site / "models").iterdir()]
    assert len({name.lower() for name in names}) == 15
    assert all(re.fullmatch(r"[a-z0-9-]+\.html", name) for name in names)


def test_a_spreadsheet_computes_nothing(site: Path) -> None:
    with io.StringIO(
        (site / "data" / "runs.csv").read_bytes().decode(), newline=""
    ) as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 15 * 6
    models = {row["model"] for row in rows}
    assert f"'{HOSTILE[2]}" in models
    for row in rows:
        for value in row.values():
            # A negative number is a number; any other text is guarded.
            assert not value.startswith(("=", "+", "@", "\t"))
            assert not value.startswith("-") or float(value) < 0


def test_tables_hold_the_values_of_the_files(site: Path) -> None:
    rows = json.loads((site / "data" / "runs.json").read_text(), parse_constant=pytest.fail)
    for row in rows[:12]:
        stored = json.loads((site / "data" / "results" / f"{row['run']}.json").read_text())
        task = next(one for one in stored["tasks"] if one["name"] == row["task"])
        assert row["overlap"] == task["metrics"]["overlap"]["value"]
        assert row["kl"] == task["metrics"]["kl"]["value"]


def test_charts_are_plotly_figures_of_finite_numbers(site: Path) -> None:
    pages = [site / "index.html", *sorted((site / "models").iterdir())[:4]]
    n_figures = 0
    for page in pages:
        islands = _islands(page.read_text())
        # The first on a model's page is the style of all others.
        frame = islands.pop(0) if page.parent.name == "models" else {"data": []}
        style = {trace["meta"]: trace for trace in frame["data"]}
        for spec in islands:
            data = [style.get(trace["meta"], {}) | trace for trace in spec["data"]]
            figure = go.Figure({**frame, **spec, "data": data})
            assert {trace.type for trace in figure.data} == {"scatter"}
            assert all(trace.mode and trace.name for trace in figure.data)
            n_figures += 1
    assert n_figures == 1 + 4 * 6


def test_pages_keep_within_their_weight(tmp_path: Path) -> None:
    runs = []
    for i in range(10):
        runs.append(base_run(f"org/model-{i}", 0.1, i))
        runs += [
            tuned_run(f"org/model-{i}", f"r{j}", 2.0, 100 + 10 * i + j) for j in range(4)
        ]
    report = build_site([put(tmp_path / "in", runs)], tmp_path / "site", jobs=1)
    assert report.n_runs == 50
    assert (tmp_path / "site" / "index.html").stat().st_size <= 150_000
    assert not (tmp_path / "site" / "index-2.html").exists()
    own = [
        path
        for path in (tmp_path / "site" / "assets").iterdir()
        if not path.name.startswith("plotly")
    ]
    assert sum(path.stat().st_size for path in own) <= 60_000


def test_a_models_page_keeps_within_its_weight_however_large_its_tasks(
    tmp_path: Path,
) -> None:
    names = [f"{i:04} " + "x" * 200 for i in range(2000)]
    rng = np.random.default_rng(0)
    targets = [
        make_target([Outcome(text=name, weight=i + 1) for i, name in enumerate(names)]),
        make_target([Outcome(text=name) for name in names[:150]]),
    ]
    runs = []
    for sharpness in (0.1, 3.0):
        tasks = [
            exact_task(
                (rng.dirichlet(np.full(target.size, sharpness)) * 0.9).tolist(),
                target=target, name=f"diffbench_t{i}_{j}", title=f"t{i} {j}",
            )
            for i, target in enumerate(targets)
            for j in range(10)
        ]  # fmt: skip
        runs.append(make_run_of(*tasks))
    base = alter(runs[0], id="a/b", spec="hf:a/b")
    adapter = {"sha256": "0" * 64, "name": "t"}
    tuned = alter(
        runs[1], id="a/b+t", spec="hf:a/b", role="tuned", parent="a/b", adapter=adapter
    )
    site = build_site([put(tmp_path / "in", [base, tuned])], tmp_path / "site", jobs=1)
    for page in (site.output / "models").iterdir():
        assert page.stat().st_size <= 20_000 + 20 * 10_000


def test_many_runs_are_spread_over_pages(tmp_path: Path) -> None:
    runs = [base_run(f"org/model-{i}", 0.05 + i / 100, i) for i in range(60)]
    build_site([put(tmp_path / "in", runs)], tmp_path / "site", jobs=1)
    pages = [tmp_path / "site" / name for name in ("index.html", "index-2.html")]
    counts = [page.read_text().count('<tr class="base"') for page in pages]
    assert counts == [50, 10]
    assert (tmp_path / "site" / "index-all.html").read_text().count(
        '<tr class="base"'
    ) == 60


def test_one_run_twice_is_shown_once(tmp_path: Path) -> None:
    run = base_run("good/one")
    put(tmp_path / "in", [run])
    later = content_of(run)
    later["run"]["created"] = "2026-02-02T00:00:00+00:00"
    write_results(tmp_path / "in" / "again", type(run).model_validate(seal(later)))
    report = build_site([tmp_path / "in"], tmp_path / "site", jobs=1)
    assert (report.n_runs, list(report.duplicates)) == (1, ["again/results.json"])


def test_a_packed_file_is_offered_as_it_came(tmp_path: Path) -> None:
    run = base_run("packed")
    packed = write_results(tmp_path / "in" / "a", run, packed=True)
    write_results(tmp_path / "in" / "b", base_run("plain", seed=1))
    write_results(tmp_path / "in" / "c", run)
    report = build_site([tmp_path / "in"], tmp_path / "site", jobs=1)
    # The same run twice: which file is kept does not depend on their names.
    assert len(report.duplicates) == 1
    (tmp_path / "in" / "c" / "results.json").unlink()
    site = build_site([tmp_path / "in"], tmp_path / "site", jobs=1).output
    (name,) = {
        one["file"] for one in _manifest(tmp_path) if one["run"].startswith("packed")
    }
    assert name.endswith(".json.gz")
    assert (site / name).read_bytes() == packed.read_bytes()
    text = (site / "downloads.html").read_text()
    assert f'href="{name}"' in text
    assert hashlib.sha256(packed.read_bytes()).hexdigest() in text
    assert f'href="../{name}"' in next((site / "models").glob("packed*")).read_text()


def test_what_a_sampled_model_says_instead_is_on_its_page(tmp_path: Path) -> None:
    replies = ["{heads}"] * 5 + ["<i>well</i>"] * 3 + ["no"]
    task = sampled_task(replies, replies[:7], name="diffbench_coin_sampled")
    run = make_run_of(task)
    site = build_site([put(tmp_path / "in", [run])], tmp_path / "site", jobs=1).output
    (page,) = (site / "models").iterdir()
    text = page.read_text()
    assert "36.5 % of replies; found among 16 replies:" in text
    assert "&lt;i&gt;well&lt;/i&gt;</span> <small>5 of 16</small>" in text
    assert "no</span> <small>1 of 16</small>" in text


def _manifest(folder: Path) -> list[dict[str, str]]:
    found = json.loads((folder / "site" / "manifest.json").read_text())["inputs"]
    assert isinstance(found, list)
    return found


def test_the_page_shows_its_data_alone(site: Path) -> None:
    for path in site.rglob("*.html"):
        for link in re.findall(r'(?:src|href)="([^"]*)"', path.read_text()):
            if link.startswith(("https://", "data:", "#")):
                continue
            target = (path.parent / link.split("?")[0].split("#")[0]).resolve()
            assert target.is_file(), f"{path.name}: {link}"
