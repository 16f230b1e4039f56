"""A page before it is rendered, and everything that all pages show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment

__all__ = ["CSP", "MENU", "Frame", "Page"]

# Plotly adds a style element of its own; scripts come from the site's files alone.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
MENU = (
    ("index.html", "Overview"),
    ("tasks.html", "Tasks"),
    ("biographies.html", "Biographies"),
    ("compare.html", "Compare"),
    ("generalisation.html", "Generalisation"),
    ("methodology.html", "Methodology"),
    ("downloads.html", "Downloads"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the site.

    Attributes:
        path: Where it lies in the site, with forward slashes.
        template: Its template.
        here: The menu's entry that it belongs to.
        context: What the template shows.
    """

    path: str
    template: str
    here: str
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all pages share.

    Attributes:
        environment: The templates.
        assets: Name of each static file in the site.
        shared: Further values that every template knows.
    """

    environment: Environment
    assets: Mapping[str, str]
    shared: Mapping[str, Any]

    def render(self, page: Page) -> bytes:
        """Return a page's bytes."""
        template = self.environment.get_template(page.template)
        text = template.render(
            root="../" * page.path.count("/"),
            here=page.here,
            csp=CSP,
            menu=MENU,
            assets=self.assets,
            **self.shared,
            **page.context,
        )
        return text.encode()
