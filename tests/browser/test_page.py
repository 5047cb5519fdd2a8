"""The report as a browser shows it: quiet, self-contained, legible, sortable, printable."""

from pathlib import Path
from typing import Any

import pytest
from browsing import CONTRAST, UNFOLD, asked_for, beyond_the_edge, in_view, listened_to
from matplotlib.image import imread
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sweeper.questions import QUESTIONS
from sweeper.report.card import BADGES

BOARD = "#trials table.sortable >> nth=0"

UNFOLDED = sum(question.unfolded for question in QUESTIONS)
"""Sections that are open from the start."""


def column(page: Page, name: str) -> list[str]:
    """Cells of a column of the leaderboard, from the top."""
    return page.evaluate(
        """name => { const table = document.querySelector('#trials table.sortable');
        const index = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent === name);
        return [...table.tBodies[0].rows].map(row => row.cells[index].textContent); }""",
        name,
    )


def sort_state(page: Page, name: str) -> str | None:
    """``aria-sort`` of a heading of the leaderboard."""
    return page.locator(f"{BOARD} >> th", has_text=name).get_attribute("aria-sort")


def numbers(cells: list[str]) -> list[float]:
    """Cells as numbers."""
    return [float(cell) for cell in cells if cell != "–"]


def test_the_page_is_quiet_and_asks_for_nothing(context: BrowserContext, report: Path) -> None:
    """No message in the console, no error, no request but the file; nothing breaks the policy."""
    page, heard = listened_to(context)
    page.goto(report.as_uri())
    page.locator("#theme").click()
    page.evaluate(UNFOLD)
    page.locator(f"{BOARD} >> th button >> nth=2").click()
    page.wait_for_timeout(100)
    assert heard.messages == []
    assert asked_for(heard) == [report.as_uri()]


def test_small_numbers_stand_in_their_line(seen: Page) -> None:
    """What keeps them in one piece is no block of its own, on the card or in a section."""
    shown = seen.evaluate("[...document.querySelectorAll('.one')].map(one => getComputedStyle(one).display)")
    assert shown
    assert set(shown) == {"inline"}


@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_makes_the_page_scroll_sideways(seen: Page, media: Any) -> None:
    """At phone, tablet and desktop width, and on paper, with everything unfolded."""
    seen.emulate_media(media=media)
    seen.evaluate(UNFOLD)
    for width in (375, 768, 1280):
        seen.set_viewport_size({"width": width, "height": 800})
        assert seen.evaluate("document.documentElement.scrollWidth") <= width
        wide = beyond_the_edge(seen)
        assert media == "print" or wide == [], width


@pytest.mark.parametrize("width", [390, 1400])
def test_what_scrolls_sideways_shows_it(seen: Page, width: int) -> None:
    """The edge behind which more lies is shaded, by a background that stays while its cover scrolls along.

    Of pictures the caption says it.
    """
    seen.evaluate(UNFOLD)
    seen.set_viewport_size({"width": width, "height": 800})
    scrolling = seen.evaluate(
        """() => [...document.body.querySelectorAll('*:not(.plot)')]
        .filter(element => element.scrollWidth > element.clientWidth + 1)
        .filter(element => /auto|scroll/.test(getComputedStyle(element).overflowX))
        .map(element => [element.outerHTML.slice(0, 80), getComputedStyle(element).backgroundAttachment])"""
    )
    assert len(scrolling) > 2
    plain = [which for which, attached in scrolling if not {"local", "scroll"} <= set(attached.split(", "))]
    assert plain == []


def test_a_telephone_begins_with_folded_sections(context: BrowserContext, report: Path) -> None:
    """At 390 pixels the page is no longer than 8,000, and sections show their sentence; a tap unfolds one."""
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(report.as_uri())
    assert page.locator(".evidence[open]").count() == 0
    assert page.evaluate("document.documentElement.scrollHeight") <= 8000
    assert page.locator(".told .answer").first.is_visible()
    page.locator(".evidence > summary").first.click()
    assert page.locator(".evidence[open] .more, .evidence[open] .plot, .evidence[open] dl").first.is_visible()


def test_the_first_screen_is_the_answer(seen: Page) -> None:
    """Headline, settings, score and the next step are seen without scrolling at 1280 × 800."""
    bottoms = seen.evaluate(
        """() => ['#headline', '.settings', '.numbers > div', '.command'].map(
        selector => document.querySelector(selector).getBoundingClientRect().bottom)"""
    )
    assert max(bottoms) <= 800
    assert seen.locator("h1").count() == 1
    assert seen.title() == "made · sweeper report"
    assert seen.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", [390, 1400])
def test_the_next_command_is_seen_whole(seen: Page, width: int) -> None:
    """However long it is, none of it lies beyond the edge of its box."""
    seen.set_viewport_size({"width": width, "height": 800})
    seen.evaluate("document.querySelector('.command code').textContent += ' --set key=value'.repeat(9)")
    box = seen.locator(".command pre")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_has_the_ground_of_its_panel(seen: Page, scheme: Any, tmp_path: Path) -> None:
    """No second rectangle shows around a picture: its corner has the color of the panel around it."""
    seen.emulate_media(color_scheme=scheme)
    plot = seen.locator("#confirmation .plot").first
    plot.screenshot(path=tmp_path / "plot.png")
    pixels = imread(tmp_path / "plot.png")[..., :3]
    panel, picture = pixels[len(pixels) // 2, 6], pixels[len(pixels) // 2, 15]
    assert panel.tolist() == picture.tolist()


def test_on_a_phone_headline_and_settings_come_first(seen: Page) -> None:
    """At 375 × 812 the headline and the settings are on the first screen."""
    seen.set_viewport_size({"width": 375, "height": 812})
    assert seen.evaluate("document.querySelector('.settings').getBoundingClientRect().bottom") <= 812


def test_pictures_load_and_are_described(seen: Page, report: Path) -> None:
    """Each figure decodes, keeps its shape, has a text of its own, and does not move the page."""
    images = seen.evaluate(
        """() => [...document.images].map(image => ({
        alt: image.alt, natural: image.naturalWidth / image.naturalHeight, shown: image.width / image.height,
        width: image.naturalWidth, given: image.getAttribute('height') }))"""
    )
    drawn = len(list((report.parent / "figures").iterdir()))
    assert len(images) == drawn
    assert all(image["width"] == 1200 and image["given"] for image in images)
    assert all(image["shown"] == pytest.approx(image["natural"], rel=0.02) for image in images)
    assert len({image["alt"] for image in images}) == drawn


def test_tables_sort_by_click(seen: Page) -> None:
    """Numbers by value and gaps last, in both directions; only one heading says that it is sorted."""
    seen.evaluate(UNFOLD)
    before = column(seen, "learning rate")
    heading = seen.locator(f"{BOARD} >> th button", has_text="learning rate")
    in_view(heading).click()
    rising = numbers(column(seen, "learning rate"))
    assert rising == sorted(numbers(before))
    assert sort_state(seen, "learning rate") == "ascending"
    heading.click()
    assert numbers(column(seen, "learning rate")) == sorted(rising, reverse=True)
    assert sort_state(seen, "learning rate") == "descending"
    seen.locator(f"{BOARD} >> th button", has_text="rank").click()
    seen.locator(f"{BOARD} >> th button", has_text="rank").click()
    ranks = column(seen, "rank")
    assert ranks[0] == "43"
    assert set(ranks[43:]) == {"–"}
    states = seen.locator(f"{BOARD} >> th").evaluate_all("cells => cells.map(cell => cell.ariaSort)")
    assert sorted(states)[:2] == ["descending", "none"]


def test_tables_sort_by_keyboard(seen: Page) -> None:
    """A heading is a button: it takes the focus, shows it, and Enter and the space bar sort."""
    seen.evaluate(UNFOLD)
    heading = seen.locator(f"{BOARD} >> th button", has_text="optimizer")
    heading.focus()
    seen.keyboard.press("Enter")
    assert column(seen, "optimizer") == sorted(column(seen, "optimizer"))
    seen.keyboard.press("Space")
    assert sort_state(seen, "optimizer") == "descending"
    assert column(seen, "optimizer") == sorted(column(seen, "optimizer"), reverse=True)
    assert heading.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(seen: Page, scheme: Any) -> None:
    """All texts, unfolded ones included, reach WCAG AA against what lies behind them, in both schemes.

    Those of the answer do for every standing of it, which colours nothing else.
    """
    seen.emulate_media(color_scheme=scheme)
    seen.evaluate(UNFOLD)
    found = seen.evaluate(CONTRAST)
    assert seen.locator("#answer ul.warnings li").count() == 2
    assert found["texts"] > 1000
    assert found["poor"] == []
    shown = seen.locator("#answer").get_attribute("class") or ""
    for standing in (*BADGES, shown.removeprefix("card ")):
        seen.evaluate(
            "standing => { document.getElementById('answer').className = `card ${standing}`; }", standing
        )
        found = seen.evaluate(CONTRAST, "#answer")
        assert found["texts"] > 10
        assert found["poor"] == [], standing


def test_paper_has_everything_unfolded_and_no_buttons(page: Page, tmp_path: Path) -> None:
    """On paper details are open, buttons and contents gone, colours light; after it all is as before."""
    page.locator("#theme").click()  # dark
    page.emulate_media(media="print")
    expect(page.locator("details:not([open])")).to_have_count(0)
    assert not page.locator("button:visible:not(th button)").count()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    expect(page.locator("details[open]")).to_have_count(UNFOLDED)
    page.evaluate("[...document.images].forEach(image => image.removeAttribute('src'))")  # they take long
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().count(b"/Type /Page\n") > 5


def test_the_command_can_be_copied(seen: Page) -> None:
    """The button puts the command on the clipboard, or selects it where that is not allowed."""
    button = seen.locator(".command .copy")
    button.click()
    expect(button).not_to_have_text("Copy")
    if button.text_content() == "Selected":
        selected = seen.evaluate("getSelection().toString()")
        assert selected == seen.locator(".command code").text_content()


def test_the_keyboard_reaches_the_answer_first(page: Page) -> None:
    """The first stop is the link that skips to the answer; it becomes visible and works."""
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.className")
    assert focused == "skip"
    page.wait_for_timeout(50)
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"


def test_without_script_everything_can_be_read(browser: Browser, report: Path) -> None:
    """Buttons that would do nothing are not shown; the tables and the answer are."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("button:visible").count() == 0
    assert page.locator("h1").is_visible()
    page.locator("#trials summary").first.click()
    assert page.locator(f"{BOARD} >> tbody tr").first.is_visible()
    context.close()


def test_charts_name_the_trial_under_the_pointer_everywhere(seen: Page) -> None:
    """Opened charts stand in place of their pictures; a trial pointed at in one is named in the others and
    marked in the table; the picture comes back by a button."""
    seen.evaluate(UNFOLD)
    for section in ("curves", "trials"):
        seen.locator(f"#{section} .explore").scroll_into_view_if_needed()
        seen.locator(f"#{section} .u-over").wait_for()
        assert not seen.locator(f"#{section} .plot").first.is_visible()
    over = seen.locator("#trials .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    for share in range(5, 96, 10):  # some line is near at one of these heights
        seen.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + share / 100 * box["height"])
        if seen.locator("#trials .said").inner_text().startswith("#"):
            break
    named = seen.locator("#trials .said").inner_text()
    assert named.startswith("#")
    assert seen.locator("#curves .said").inner_text() == named
    number = named.partition(" ")[0].removeprefix("#")
    cells = seen.locator("#trials tr.active td").all_inner_texts()
    assert number in cells
    seen.locator("#trials .exchange").click()
    assert seen.locator("#trials .plot img").is_visible()
    assert not seen.locator("#trials .explore").is_visible()
