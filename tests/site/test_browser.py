"""The pages in a real browser, opened as files."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.site.conftest import Visit

pytestmark = pytest.mark.xdist_group("site")

KINDS = (
    "index.html",
    "scope/fruits.held-out.html",
    "tasks.html",
    "compare.html",
    "generalisation.html",
    "methodology.html",
    "downloads.html",
    "models/acme-chat-7b-all-*.html",
    "models/acme-chat-7b-[0-9a-f]*.html",
    "models/nobody-*.html",
    "tasks/diffbench-names-*.html",
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _find(site: Path, pattern: str) -> Path:
    return sorted(site.glob(pattern))[0]


def _labels(page: Page) -> list[str]:
    """Return the first cell of each row that is shown."""
    rows = page.locator("#board tbody tr:visible th.name a")
    return [text.strip() for text in rows.all_inner_texts()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(
    site: Path, browser: Browser, kind: str, theme: str
) -> None:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(_find(site, kind).as_uri())
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.violations_count == 0, found.generate_report()
    context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_for_nothing_but_its_own_files(
    site: Path, visit: Visit, kind: str
) -> None:
    page = visit.open(_find(site, kind))
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(300)
    assert visit.complaints == []
    assert [
        url for url in visit.requests if not url.startswith((site.as_uri(), "data:"))
    ] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_scrolls_no_page_sideways(site: Path, browser: Browser, kind: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(_find(site, kind).as_uri())
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    context.close()


@pytest.mark.parametrize("path", ["index.html", "compare.html", "downloads.html"])
def test_hostile_names_do_nothing(site: Path, visit: Visit, path: str) -> None:
    page = visit.open(site / path)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main script:not([type='application/json'])").count() == 0
    assert page.locator("main img").count() == 0


def test_hostile_models_have_pages_and_charts_that_do_nothing(
    site: Path, visit: Visit
) -> None:
    for path in sorted((site / "models").glob("*.html")):
        page = visit.open(path)
        page.locator("[data-figure]").first.scroll_into_view_if_needed()
        page.locator(".js-plotly-plot").first.wait_for()
        assert page.evaluate("window.hacked") is None
    assert visit.complaints == []


def test_inline_scripts_are_refused(site: Path, visit: Visit) -> None:
    page = visit.open(site / "index.html")
    page.evaluate(
        "() => { const s = document.createElement('script');"
        "s.textContent = 'window.hacked = 1'; document.body.append(s); }"
    )
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in text for text in visit.complaints)


def test_the_page_reads_without_scripts(site: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    expect(page.locator("#board")).to_contain_text("acme/chat-7b")
    expect(page.locator("#board")).to_contain_text("improved")
    expect(page.locator("#controls")).to_be_hidden()
    page.get_by_role("link", name="Fruits", exact=True).click()
    expect(page.locator("#status")).to_contain_text("2 tasks")
    page.goto((site / "compare.html").as_uri())
    expect(page.locator("main")).to_contain_text("needs JavaScript")
    context.close()


def test_sorting_keeps_tuned_models_beneath_their_base(site: Path, visit: Visit) -> None:
    page = visit.open(site / "index.html")
    page.get_by_role("button", name="KL").click()
    head = page.locator("th[data-key=kl]")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert page.locator("th[aria-sort]").count() == 1
    labels = _labels(page)
    assert labels[:4] == [
        "acme/chat-7b",
        "+ all",
        "+ leave-one-out/fruits",
        "+ leave-one-out/names",
    ]
    at = labels.index("tiny/talk-1m")
    assert labels[at + 1] == "+ worse"
    page.get_by_role("button", name="KL").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#status")).to_contain_text("Sorted by KL, descending")


def test_searching_shows_a_tuned_model_with_its_base(site: Path, visit: Visit) -> None:
    page = visit.open(site / "index.html")
    page.get_by_label("Search").fill("fruits")
    assert _labels(page) == ["acme/chat-7b", "+ leave-one-out/fruits"]
    page.get_by_label("Search").fill("no such model")
    assert _labels(page) == []
    expect(page.locator("#status")).to_contain_text("0 of 15")
    page.get_by_role("button", name="Reset").click()
    assert len(_labels(page)) == 15


def test_the_address_brings_the_same_view_back(
    site: Path, visit: Visit, browser: Browser
) -> None:
    page = visit.open(site / "index.html")
    page.get_by_label("Search").fill("chat")
    page.get_by_label("Size").select_option("medium")
    page.get_by_role("button", name="KL").click()
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("valid", exact=True).uncheck()
    address = page.url
    assert "q=chat" in address and "size=medium" in address and "hide=valid_mass" in address
    other = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    other.goto(address)
    assert _labels(other) == _labels(page)
    assert other.url == address
    expect(other.get_by_label("Search")).to_have_value("chat")
    expect(other.locator("th[data-key=valid_mass]")).to_be_hidden()
    expect(other.locator("th[data-key=kl]")).to_have_attribute("aria-sort", "ascending")
    other.get_by_role("link", name="Fruits", exact=True).click()
    expect(other.get_by_label("Search")).to_have_value("chat")
    other.context.close()


def test_unknown_words_in_the_address_do_nothing(site: Path, visit: Visit) -> None:
    page = visit.open(site / "index.html", "?sort=nonsense&hide=model,<b>&size=9&evil=1")
    assert len(_labels(page)) == 15
    assert "?" not in page.url
    assert visit.complaints == []


def test_the_keyboard_alone_sorts_and_skips(site: Path, visit: Visit) -> None:
    page = visit.open(site / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    page.get_by_role("button", name="valid", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[data-key=valid_mass]")).to_have_attribute(
        "aria-sort", "descending"
    )
    assert page.evaluate("document.activeElement.textContent") == "valid"


def test_plotly_comes_once_and_only_with_a_chart_in_view(site: Path, visit: Visit) -> None:
    page = visit.open(_find(site, "models/acme-chat-7b-all-*.html"))
    page.wait_for_timeout(300)
    assert not [url for url in visit.requests if "plotly" in url]
    for i in range(3):
        page.locator("[data-figure]").nth(i).scroll_into_view_if_needed()
        page.locator("[data-figure].js-plotly-plot").nth(i).wait_for()
    assert len([url for url in visit.requests if "plotly" in url]) == 1
    assert page.locator(".modebar-btn").count() == 0


def test_the_theme_is_kept_and_charts_follow(site: Path, visit: Visit) -> None:
    page = visit.open(site / "index.html")
    page.locator("[data-figure]").scroll_into_view_if_needed()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    before = page.locator(".js-plotly-plot .main-svg").first.evaluate(
        "node => node.style.background"
    )
    button = page.locator("#theme")
    button.click()
    button.click()
    expect(button).to_have_text("Theme: dark")
    page.wait_for_timeout(300)
    after = page.locator(".js-plotly-plot .main-svg").first.evaluate(
        "node => node.style.background"
    )
    assert before != after
    page.reload()
    expect(page.locator("#theme")).to_have_text("Theme: dark")


def test_two_runs_compare_outcome_by_outcome(site: Path, visit: Visit) -> None:
    page = visit.open(site / "compare.html")
    options = page.locator("select[name=a] option")
    values = [options.nth(i).get_attribute("value") or "" for i in range(options.count())]
    base = next(
        one for one in values if one.startswith("tiny-talk-1m-") and "worse" not in one
    )
    tuned = next(one for one in values if one.startswith("tiny-talk-1m-worse"))
    page.locator("select[name=a]").select_option(base)
    page.locator("select[name=b]").select_option(tuned)
    expect(page.locator("#status")).to_contain_text("6 of 6 tasks were measured alike")
    expect(page.locator("#compared section")).to_have_count(6)
    expect(page.locator("#compared .key")).to_contain_text("Second: tiny/talk-1m+worse")
    # What is no answer is an outcome, too; both models give it 0.03.
    row = page.locator("#compared section tr.rest").first
    expect(row).to_have_text("no valid answer0.00 %3.00 %3.00 %0.00")
    address = page.url
    page.reload()
    assert page.url == address
    expect(page.locator("#compared section")).to_have_count(6)
    assert visit.complaints == []
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.violations_count == 0, found.generate_report()
