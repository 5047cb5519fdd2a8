"""A report comes whatever fails in it: what is missing is said on the page and on stderr, with the reason."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.errors import UserError
from sweeper.questions import FIGURES, QUESTIONS, TABLES
from sweeper.report import page, sections
from sweeper.report.attempts import STRICT, MadeTables, NotMade, attempt


def fails(*arguments: object, **options: object) -> None:
    """Never returns."""
    raise ValueError("no <luck> & $x_{")


REASON = "ValueError: no &lt;luck&gt; &amp; $x_{"


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As users have it."""
    monkeypatch.delenv(STRICT)


def written(records: SyntheticRecords, folder: Path) -> tuple[str, set[str]]:
    """The page, and the other files of a report whose figures are not drawn."""
    html = page.write(made_input(records), folder).read_text(encoding="utf-8")
    return html, {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}


def section_of(html: str, key: str) -> str:
    """The part of the page with this anchor."""
    found = re.search(rf'<section id="{key}".*?</section>', html, re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.usefixtures("lenient")
def test_the_page_comes_whatever_fails(
    records: SyntheticRecords,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A figure, a table, the sentences of a section and the card: each is missing, with its reason."""
    few = {name: FIGURES[name] for name in ("history", "importances")}
    few["history"] = replace(few["history"], draw=fails)
    questions = tuple(replace(each, sentences=fails) if each.key == "curves" else each for each in QUESTIONS)
    monkeypatch.setattr(sections, "QUESTIONS", questions)
    for name in FIGURES.keys() - few.keys():
        few[name] = replace(FIGURES[name], draw=lambda frame: fails())
    monkeypatch.setattr(page, "FIGURES", few)
    monkeypatch.setitem(TABLES, "units", fails)
    monkeypatch.setattr(page, "card", fails)
    monkeypatch.setattr(page, "best_toml", fails)
    html, files = written(records, tmp_path)
    said = capsys.readouterr().err
    history = section_of(html, "history")
    assert f"The figure could not be drawn: {REASON}." in history
    assert "<table" in history or len(re.findall("<p|<li", history)) >= 2  # what it says is there
    assert f"This part could not be made: {REASON}." in section_of(html, "curves")
    assert f"This part could not be made: {REASON}." in section_of(html, "units")
    assert "The answer could not be written." in html
    assert "<img" in section_of(html, "importances")
    assert {"figures/importances.png", "tables/history.csv", "index.html"} <= files
    assert not {"figures/history.png", "tables/units.csv", "best.toml"} & files
    for what in ("figure 'history'", "section 'curves'", "table 'units'", "the answer", "best.toml"):
        line = f"{what} could not be made; the report goes on without it: ValueError: no <luck> & $x_{{\n"
        assert said.count(line) == 1


def test_in_tests_a_defect_is_an_error(
    records: SyntheticRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test passes because a page forgives."""
    monkeypatch.setitem(TABLES, "units", fails)
    with pytest.raises(ValueError, match="no <luck>"):
        page.write(made_input(records), tmp_path)


@pytest.mark.usefixtures("lenient")
def test_messages_for_the_user_are_not_swallowed() -> None:
    """Wrong input ends the command as ever."""

    def wrong() -> None:
        raise UserError("wrong")

    with pytest.raises(UserError, match="wrong"):
        attempt("x", wrong)


@pytest.mark.usefixtures("lenient")
def test_a_table_that_is_asked_for_says_why_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is told once, by whoever met it first; an unknown name is a mistake of ours."""
    reason = attempt("table 'a'", fails)
    assert isinstance(reason, NotMade)
    tables = MadeTables({"a": reason, "b": pd.DataFrame({"n": [1]})})
    assert list(tables) == ["b"]
    assert attempt("section", lambda: tables["a"]) is reason
    assert capsys.readouterr().err.count("could not be made") == 1
    with pytest.raises(KeyError):
        tables["c"]
