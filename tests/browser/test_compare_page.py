"""The page of two runs side by side as a browser shows it: quiet, legible, nothing cut."""

from pathlib import Path
from typing import Any

import pytest
from browsing import CONTRAST, UNFOLD, asked_for, beyond_the_edge, listened_to
from playwright.sync_api import Browser, BrowserContext, Page
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.commands.compare.page import FIGURES, side_by_side, write


@pytest.fixture(scope="module")
def comparison(records: SyntheticRecords, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two made-up runs with long names that differ in depth and in their records."""
    runs = {}
    for name, made, depth in (
        ("a_first_study_with_a_long_name", records, 4),
        ("another-study-with-a-longer-name-still", synthetic_records(seed=1), 9),
    ):
        study = made_study(name=name, model={"depth": depth})
        runs[name] = made_input(made, study=study)
    (a, one), (b, other) = runs.items()
    return write(side_by_side(a, one, b, other), tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="module")
def page(loaded: Page, comparison: Path) -> Page:
    """The comparison, open, with everything unfolded; the tests leave it so."""
    loaded.goto(comparison.as_uri())
    loaded.evaluate(UNFOLD)
    return loaded


def test_the_page_is_quiet_and_asks_for_nothing(context: BrowserContext, comparison: Path) -> None:
    """No message in the console, no error, no request but the file."""
    page, heard = listened_to(context)
    page.goto(comparison.as_uri())
    page.locator("#theme").click()
    page.evaluate(UNFOLD)
    page.locator("table.sortable th button >> nth=0").click()
    page.wait_for_timeout(50)
    assert heard.messages == []
    assert asked_for(heard) == [comparison.as_uri()]


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_makes_the_page_scroll_sideways(page: Page, width: int) -> None:
    """At phone and desktop width, long names of runs included; what is wide scrolls in its own box."""
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = beyond_the_edge(page)
    assert wide == []


def test_pictures_load_and_are_described(page: Page) -> None:
    """Both figures decode and have a text of their own that names both runs."""
    images = page.evaluate(
        "[...document.images].map(image => ({ alt: image.alt, width: image.naturalWidth }))"
    )
    assert [image["width"] for image in images] == [1200] * len(FIGURES)
    assert len({image["alt"] for image in images}) == len(FIGURES)
    assert all("a_first_study" in image["alt"] and "another-study" in image["alt"] for image in images)


def test_columns_bear_the_names_of_the_runs(page: Page) -> None:
    """As they are written, underscores included."""
    cells = page.locator("#settings table th").evaluate_all("cells => cells.map(cell => cell.textContent)")
    names = ("a_first_study_with_a_long_name (A)", "another-study-with-a-longer-name-still (B)")
    assert [cell.strip() for cell in cells] == ["setting", *names]
    best = page.locator("#values table th").evaluate_all("cells => cells.map(cell => cell.textContent)")
    assert [cell.strip() for cell in best][2:] == ["best (A)", "trials (A)", "best (B)", "trials (B)"]


def test_every_text_has_contrast(page: Page) -> None:
    """All texts reach WCAG AA in both schemes."""
    schemes: tuple[Any, ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(CONTRAST)
        assert found["texts"] > 100
        assert found["poor"] == []


def test_dark_mode_follows_the_system_and_the_button(browser: Browser, comparison: Path) -> None:
    """The system's wish decides first, the button after it; figures stay on white."""
    background = "() => getComputedStyle(document.body).backgroundColor"
    found = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(comparison.as_uri())
        found[scheme] = page.evaluate(background)
        page.locator("#theme").click()
        found[f"{scheme} toggled"] = page.evaluate(background)
        plot = page.evaluate("getComputedStyle(document.querySelector('.plot')).backgroundColor")
        toggled_to_dark = scheme == "light"
        assert plot == ("rgb(26, 29, 34)" if toggled_to_dark else "rgb(255, 255, 255)")
        for _ in range(10):  # the browser writes down what it keeps in its own time
            page.wait_for_timeout(100)
            page.reload()
            if page.evaluate(background) == found[f"{scheme} toggled"]:
                break
        assert page.evaluate(background) == found[f"{scheme} toggled"], "the choice is kept"
        context.close()
    assert found["light"] == found["dark toggled"] != found["dark"] == found["light toggled"]
