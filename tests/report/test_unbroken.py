"""No line of any surface ends between a number and its unit, or inside a setting."""

import re
from html import unescape
from pathlib import Path

import pytest
from report_inputs import made_study, warned_input
from synthetic_records import SyntheticRecords

from sweeper.report import note
from sweeper.report.note import plain_answer
from sweeper.report.render import environment
from sweeper.wording import unbroken

CODE = re.compile(r"<(code|pre|script|style|title|td)\b.*?</\1>", re.DOTALL)
BREAKS = re.compile(r"\d (?=(?:%|s|min|h)(?!\w))| = |[\w.]+ =$", re.MULTILINE)
"""Where a line could end that must not."""


def test_no_text_of_the_page_can_break_inside_a_number(whole_report: Path) -> None:
    """Of every text but code and cells of tables, which are as long as they are."""
    page = CODE.sub("", (whole_report / "index.html").read_text(encoding="utf-8"))
    texts = re.findall(r">([^<>]+)<", page)
    assert sum("\u00a0%" in text for text in texts) > 10
    assert [text for text in texts if BREAKS.search(text)] == []
    small = re.compile(r"\de-\d|--set")
    assert small.search(page), "a weight or a rate, an option"
    assert "--set" in page
    assert small.search(re.sub(r'<span class="one">[^<]*</span>|="[^"]*"', "", page)) is None


@pytest.mark.parametrize(
    "command",
    [
        "sweeper run x --set search.trials=80",
        """sweeper run x --set 'search.space.optimizer=["a", "<b>"]'""",
        "a  b",
    ],
)
def test_a_command_breaks_between_its_words_alone(command: str) -> None:
    """Each word is one box, quotes and all; what is copied is the command, one space between words."""
    marked = str(environment().filters["command"](command))
    boxes = [unescape(text) for text in re.findall(r'<span class="word">([^<]*)</span>', marked)]
    assert boxes == [word for word in re.split(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", command)]
    assert unescape(re.sub("<[^>]*>", "", marked)) == " ".join(boxes)


@pytest.mark.parametrize("width", range(40, 60, 4))
def test_no_line_of_the_terminal_ends_inside_a_number(
    records: SyntheticRecords, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """At any width, and what is printed has plain spaces."""
    monkeypatch.setattr(note, "WIDTH", width)
    report = warned_input(records)
    said = plain_answer(made_study(), report.answer, report.records)
    assert not re.search(r"\d\n *(%|s|min|h)\b", said)
    assert "\u00a0" not in said


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("36.0 % of 3 min", "36.0_% of 3_min"),
        ("model.depth = 2, n = 12", "model.depth_=_2, n_=_12"),
        ("2 seeds of 3 steps", "2 seeds of 3 steps"),
        ("training.schedule = one_cycle", "training.schedule = one_cycle"),
    ],
)
def test_what_is_kept_together(text: str, kept: str) -> None:
    """Numbers with their units, settings with their values, and nothing else."""
    assert unbroken(text).replace("\u00a0", "_") == kept


def test_commands_stay_a_line_each() -> None:
    """What is copied from a page is what the terminal prints: two commands are no arguments of each other."""
    two = "sweeper advise a.toml\nsweeper run b.toml --set 'name=\"b 2\"'"
    assert unescape(re.sub("<[^>]*>", "", environment().filters["command"](two))) == two
