"""The figures of the page as a notebook gets them."""

import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions import FIGURES
from sweeper.report import sections
from sweeper.report.figures import figures_of


def test_figures_by_name(records: SyntheticRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that has something to show, as an image in HTML with its text; one without rows is left out."""
    two = {name: FIGURES[name] for name in ("history", "importances")}
    monkeypatch.setattr(sections, "FIGURES", two)
    found = figures_of(run_data(records.trials, records.curves, records.layers))
    assert list(found) == ["history"]
    assert found["history"].png.startswith(b"\x89PNG")
    html = found["history"]._repr_html_()
    assert html.count("data:image/png;base64,") == 1
    assert FIGURES["history"].title in html
    assert found._repr_html_() == html
