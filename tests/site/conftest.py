"""A built site, and a browser to read it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from diffbench.site import build_site
from tests.site.many import write_board


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results files: ordinary, hostile and broken."""
    folder = write_board(tmp_path_factory.mktemp("board") / "results")
    broken = folder / "broken<b>" / "results.json"
    broken.parent.mkdir()
    broken.write_text('{"schema_version": "1", "run": {"id": "<img src=x onerror=1>')
    return folder


@pytest.fixture(scope="session")
def site(board: Path) -> Path:
    """The site that is built from it."""
    return build_site([board], board.parent / "site", jobs=1).output


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        # A container has no sandbox of its own to offer.
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser context, wide and light."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


class Visit:
    """A page, and everything that it asked for or complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )

    def open(self, path: Path, query: str = "") -> Page:
        """Open a file of the site, as a double click would."""
        self.page.goto(path.as_uri() + query)
        return self.page


@pytest.fixture
def visit(context: BrowserContext) -> Visit:
    """A page that remembers its requests and complaints."""
    return Visit(context.new_page())
