"""A result as a notebook shows it: the answer, and the best trials."""

import html
from typing import Protocol

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.rows import leaderboard
from sweeper.printable import printable
from sweeper.records.store import Records
from sweeper.report.card import card
from sweeper.study.study import Study
from sweeper.wording import shown

TRIALS = 5


class Answered(Protocol):
    """What is needed of a `Result`."""

    @property
    def study(self) -> Study: ...
    @property
    def split(self) -> str: ...
    @property
    def records(self) -> Records: ...
    @property
    def answer(self) -> Answer | None: ...


def answer_html(result: Answered) -> str:
    """HTML without styles of its own, so that it looks like the notebook around it; all text is escaped."""
    told = card(result.study, result.answer, result.records.trials, curves=result.records.curves)
    rows = [(fact.label, "; ".join(fact.value.splitlines()), fact.meaning) for fact in told.facts]
    settings = [(label, value, "") for label, value in told.settings.items()]
    said = f"<strong>{escape(told.headline)}</strong><br>{escape(told.status + told.lead)}"
    parts = [f"<p>{said}</p>"]
    if told.warnings:
        items = "".join(f"<li><strong>Warning.</strong> {escape(text)}</li>" for text in told.warnings)
        parts.append(f"<ul>{items}</ul>")
    parts.append(_table([*settings, *rows]))
    board = leaderboard(result.records.trials, TRIALS, result.study.objective)
    if len(board):
        parts.append(f"<p>Best trials of the search, one seed each:</p>{_frame(board)}")
    return "\n".join(parts)


def escape(text: str) -> str:
    """`text` as HTML that shows it as it is."""
    return html.escape(printable(text))


def _table(rows: list[tuple[str, ...]]) -> str:
    body = "".join(
        f"<tr><th>{escape(head)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for head, *cells in rows
    )
    return f"<table><tbody>{body}</tbody></table>"


def _frame(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in frame)
    lines = ["".join(f"<td>{escape(shown(v))}</td>" for v in row) for row in frame.itertuples(index=False)]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
