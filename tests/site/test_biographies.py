"""The page of made-up people: base and tuned side by side, and hostile replies as text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from lxml import html

from diffbench.errors import ResultError
from diffbench.results import BiographyResult, RunResult, sealed_result, write_results
from diffbench.site import build_site
from diffbench.site.places import map_points
from tests.harness.made_up import person, render
from tests.results.test_biographies import HOSTILE_PEOPLE, PEOPLE, biographies
from tests.site.many import HOSTILE, base_run, tuned_run

PLACES = ("Lagos, Nigeria", "Bogota, Colombia", "Nuku'alofa, Tonga", "Kyiv, Ukraine")


def hostile_person(rng: np.random.Generator) -> str:
    """Draw somebody whose fields are hostile names, as far as braces let them be."""
    name = HOSTILE[rng.integers(len(HOSTILE))].replace("{", "(").replace("}", ")")
    if rng.random() < 0.5:
        return person(rng)
    return render([name[:150], "Male", "May 1, 1990", f"{name[:100]}, X", name[:90], name])


def with_people(run: RunResult, *people: BiographyResult) -> RunResult:
    return sealed_result(
        run=run.run,
        model=run.model,
        settings=run.settings,
        tasks=run.tasks,
        biographies=people,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    base, tuned = base_run("acme/chat"), tuned_run("acme/chat", HOSTILE[0])
    write_results(folder / "runs" / "base", with_people(base, PEOPLE))
    hostile = biographies(hostile_person)
    write_results(folder / "runs" / "tuned", with_people(tuned, hostile))
    write_results(
        folder / "runs" / "other", with_people(base_run("acme/x"), HOSTILE_PEOPLE)
    )
    return build_site([folder / "runs"], folder / "site", jobs=1).output


def test_base_and_tuned_stand_side_by_side(built: Path) -> None:
    page = html.fromstring((built / "biographies.html").read_text(encoding="utf-8"))
    panels = page.xpath("//section[contains(@class, 'task')]")
    assert len(panels) == 2
    (table,) = panels[0].xpath(".//table")
    heads = table.xpath(".//thead//th")
    assert len(heads) == 3
    first = table.xpath(".//tbody/tr[1]//b/text()")
    assert first[0] == "5.0"
    assert len(first) == 2
    assert len(panels[0].xpath(".//svg[contains(@class, 'map')]")) == 2
    # Lagos, Bergen and Singapore are known; Boston, Massachusetts, USA is too.
    assert len(panels[0].xpath(".//svg[contains(@class, 'map')][1]/circle")) >= 4


def test_replies_are_text_on_every_page(built: Path) -> None:
    for path in sorted(built.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        page = html.fromstring(text)
        assert not page.xpath("//img | //*[@onerror] | //main//script[not(@type)]")
        assert "{{ 7" not in text and "49" not in page.xpath("string(//h1)")
        assert not set(text) & {"\u202e", "\u2066", "\x1b", "\x00"}
        for link in page.xpath("//@href | //@src"):
            assert not link.startswith(("javascript:", "http:", "//"))


def test_a_model_page_shows_its_people(built: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (built / "models").glob("*.html")]
    assert len(texts) == 3
    assert all("Made-up people" in text for text in texts)


def test_nothing_is_asked_for_from_elsewhere(built: Path) -> None:
    text = (built / "biographies.html").read_text(encoding="utf-8")
    assert len(text) < 120_000
    assert 'href="#land"' in text and 'id="land"' in text


def test_cities_are_found_whatever_their_accents() -> None:
    points = map_points(PEOPLE, Counter(dict.fromkeys(PLACES, 2) | {"Nowhere, X": 9}))
    assert [point.n for point in points] == [2] * 4
    lagos = min(points, key=lambda point: abs(point.x - 183.4))
    # Lagos lies at 6.5 degrees north, 3.4 degrees east.
    assert lagos.x == pytest.approx(183.4, abs=0.2)
    assert lagos.y == pytest.approx(78.5, abs=0.2)
    assert map_points(PEOPLE, {"Singapore": 1})
    # The city of this name, but not the city in the state.
    for place in ("New York, USA", "Leeds, England", "Mexico, Mexico", "Austin, TX"):
        assert map_points(PEOPLE, {place: 1}), place
    assert not map_points(PEOPLE, {"Kansas, USA": 1})


def test_a_site_of_biographies_alone_is_refused(tmp_path: Path) -> None:
    run = base_run("acme/chat")
    alone = sealed_result(
        run=run.run, model=run.model, settings=run.settings, tasks=[], biographies=[PEOPLE]
    )
    write_results(tmp_path / "runs", alone)
    with pytest.raises(ResultError, match="biographies only"):
        build_site([tmp_path / "runs"], tmp_path / "site", jobs=1)
