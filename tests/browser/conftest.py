"""One Chromium for all browser tests, and one rendered report."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser. Without one, browser tests are skipped; in CI that is a failure."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no chromium on the PATH, so the report is not looked at in a browser"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    """One browser for the whole session."""
    browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def report(whole_report: Path) -> Path:
    """The page of the made-up study, with two warnings."""
    return whole_report / "index.html"


DESKTOP: ViewportSize = {"width": 1280, "height": 800}


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile at desktop size, light."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    yield context
    context.close()


@pytest.fixture(scope="module")
def loaded(browser: Browser) -> Iterator[Page]:
    """A page for all tests of a file that look at one and leave it as it is: to load it takes a second."""
    context = browser.new_context(color_scheme="light")
    yield context.new_page()
    context.close()


@pytest.fixture
def seen(loaded: Page, report: Path) -> Page:
    """The report at desktop size, light; sections and the order of rows stay as other tests left them."""
    if loaded.url != report.as_uri():
        loaded.goto(report.as_uri())
    loaded.emulate_media(media="screen", color_scheme="light")
    loaded.set_viewport_size(DESKTOP)
    return loaded


@pytest.fixture
def page(context: BrowserContext, report: Path) -> Page:
    """The report, open."""
    page = context.new_page()
    page.goto(report.as_uri())
    return page
