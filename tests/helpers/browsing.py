"""What every page is asked in a browser."""

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page

CONTRAST = (Path(__file__).parents[1] / "browser" / "contrast.js").read_text(encoding="utf-8")
"""Expression: how many texts a page has, and those whose contrast is poor."""
UNFOLD = "document.querySelectorAll('details').forEach(details => { details.open = true; })"


CALM = """() => new Promise((done) => {
  let last = NaN, calm = 0;
  const look = () => {
    const place = document.documentElement.scrollHeight + 1e6 * scrollY;
    calm = place === last ? calm + 1 : 0;
    last = place;
    if (calm > 20) done(true); else requestAnimationFrame(look);
  };
  look();
})"""
"""Waits until nothing has moved for twenty frames: pictures that come into view are drawn then."""


def in_view(locator: Locator) -> Locator:
    """The element, scrolled to, and standing still."""
    locator.scroll_into_view_if_needed()
    locator.page.evaluate(CALM)
    return locator


@dataclass
class Heard:
    """What a page said and asked for."""

    messages: list[str] = field(default_factory=list)
    """Of the console, and errors."""
    requests: list[str] = field(default_factory=list)
    """Addresses, those of pictures inside the page included."""


def listened_to(context: BrowserContext) -> tuple[Page, Heard]:
    """An empty page, and what is heard from now on."""
    page, heard = context.new_page(), Heard()
    page.on("console", lambda message: heard.messages.append(message.text))
    page.on("pageerror", lambda error: heard.messages.append(str(error)))
    page.on("request", lambda request: heard.requests.append(request.url))
    return page, heard


def asked_for(heard: Heard) -> list[str]:
    """Requests for anything but pictures inside the page."""
    return [url for url in heard.requests if not url.startswith("data:image/")]


def beyond_the_edge(page: Page) -> list[str]:
    """The beginnings of elements that reach beyond the right edge, but for those in what scrolls."""
    found: list[str] = page.evaluate(
        """() => [...document.body.querySelectorAll('*')]
        .filter(element => !element.closest('.scroll, .plot, pre, .skip'))
        .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5)
        .map(element => element.outerHTML.slice(0, 80))"""
    )
    return found
