"""The page of a run under way as a browser shows it: quiet, legible, and it loads itself again."""

from pathlib import Path
from typing import Any

from browsing import CONTRAST, asked_for, listened_to
from playwright.sync_api import BrowserContext, expect
from report_inputs import made_study
from synthetic_records import SyntheticRecords

from sweeper.report.live_page import live_page
from sweeper.report.progress import Progress
from sweeper.report.sections import live_figures


def written(records: SyntheticRecords, refresh: int) -> str:
    """The live page of the made-up study, with its figures."""
    progress = Progress(120, 15, True)
    progress.phase("exploit")
    trials = records.trials[records.trials["phase"] != "confirm"]
    drawn = live_figures(made_study(), trials, records.curves)
    return live_page(made_study(), trials, progress, drawn, "sweeper run made --set x=1", refresh)


def test_the_live_page_is_a_page_like_the_report(
    context: BrowserContext, records: SyntheticRecords, tmp_path: Path
) -> None:
    """No message, no request but the file, no sideways scroll, described pictures, contrast, a new state."""
    file = tmp_path / "index.html"
    text = written(records, 1)
    file.write_text(text, encoding="utf-8")
    page, heard = listened_to(context)
    page.goto(file.as_uri())
    later = text.replace("60 of 120 trials", "61 of 120 trials").replace('content="1"', 'content="99"')
    file.write_text(later, encoding="utf-8")
    expect(page.locator("h1")).to_contain_text("61 of 120 trials")
    schemes: tuple[Any, ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(CONTRAST)
        assert found["texts"] > 50
        assert found["poor"] == []
    alts = page.evaluate("[...document.images].map(image => image.naturalWidth ? image.alt : '')")
    assert len(alts) == 2
    assert all(len(alt) > 40 for alt in alts)
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert heard.messages == []
    assert set(asked_for(heard)) == {file.as_uri()}
