"""The section about an expectation: there when something was expected, with verdict, numbers and source."""

from pathlib import Path

from report_inputs import SPACE, Asked, made_input, made_study, sentences_of, undrawn
from synthetic_records import synthetic_records

from sweeper.questions import TABLES, confirmation, finding
from sweeper.report.page import write

EXPECT = {
    "finding": "ReLU beats sigmoid.",
    "source": "Somebody 2011",
    "check": "better",
    "parameter": "activation",
    "value": "relu",
    "than": "sigmoid",
}


def test_the_verdict_is_told_first(tmp_path: Path) -> None:
    """Verdict and expectation, then the measured numbers, then the source; the page and the CSV have them."""
    report = made_input(synthetic_records(), study=made_study(expect=EXPECT, search={"space": SPACE}))
    row = TABLES["finding"](report).iloc[0]
    text = sentences_of(report, "finding")["finding"]
    head = {"found": "Found", "not found": "Not found", "contrary": "The contrary was found of this"}
    assert text == f"{head[row['verdict']]}: ReLU beats sigmoid. {row['sentence']} Source: Somebody 2011."
    with undrawn():
        page = write(report, tmp_path).read_text(encoding="utf-8")
    assert page.index('id="answer"') < page.index('id="finding"') < page.index('id="confirmation"')
    assert row["verdict"] in (tmp_path / "tables" / "finding.csv").read_text(encoding="utf-8")


def test_no_section_without_an_expectation(asked: Asked) -> None:
    """A study that expects nothing has no such section."""
    assert not finding.QUESTION.applies(*asked)
    assert confirmation.QUESTION.applies(*asked)
