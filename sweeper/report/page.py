"""One self-contained HTML page, and beside it figures, tables and the winner as a study file."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.errors import RunFolderError
from sweeper.questions import FIGURES, TABLES
from sweeper.questions.question import PARTS
from sweeper.questions.run_data import RunData
from sweeper.records.atomic import refuse_links, write_atomically
from sweeper.report.attempts import NotMade, attempt, not_told
from sweeper.report.best_toml import best_toml
from sweeper.report.card import Card, card
from sweeper.report.explore import explorable
from sweeper.report.next_step import NextStep
from sweeper.report.render import Drawn, render
from sweeper.report.sections import drawn, sections_of, tables_of, tables_to_draw
from sweeper.report.transferred import POSSIBLE, transferred, with_transfer
from sweeper.spreadsheet import to_csv
from sweeper.study.command_line import run_again
from sweeper.study.study import Study

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""What ``map`` is."""


def write(run: RunData, folder: Path, each: Each = map) -> Path:
    """Write ``index.html``, ``figures/``, ``tables/`` and ``best.toml`` to `folder`; returns the page.

    Each file is whole or as it was; figures and tables of an earlier report that this one has not are
    deleted; the page comes last. `each` is ``map``, or does the same faster: it draws the figures.
    A part that cannot be made is a sentence on the page in its place, and a line on stderr.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    refuse_links(folder, folder / "figures", folder / "tables")
    with _writing_to(folder):  # fails before anything is drawn
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    every = tables_of(run)
    tables = {name: frame for name, frame in every.items() if len(frame)}
    needed = tables_to_draw(tables)
    figures = dict(zip(needed, each(_draw, needed.items()), strict=True))
    answered = _card(run, folder)
    beside = transferred(run.study, folder)
    sections = with_transfer(sections_of(run, every, figures, answered.claims), beside)
    charts = attempt("charts", lambda: explorable(every, run.objective))
    page = render(
        run.study,
        answered,
        sections,
        parts=PARTS,
        options=_again(run.study),
        explorable=None if isinstance(charts, NotMade) else charts,
    )
    files: dict[str, str | bytes] = {
        f"figures/{name}.png": figure.png for name, figure in figures.items() if isinstance(figure, Drawn)
    }
    files |= {f"tables/{name}.csv": to_csv(frame) for name, frame in tables.items()}
    files |= beside.files if beside else {}
    best = attempt("best.toml", lambda: best_toml(run.study, run.answer) if run.answer else None)
    if isinstance(best, str):
        files["best.toml"] = best
    kept = {"best.py"} if run.answer is not None else set()  # the script is written beside the page
    with _writing_to(folder):
        for name, content in files.items():
            write_atomically(folder / name, content)
        for stale in _possible() - set(files) - kept:
            (folder / stale).unlink(missing_ok=True)
        write_atomically(folder / "index.html", page)
    return folder / "index.html"


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"the report cannot be written to {folder}: {error.strerror}; choose another --reports folder"
        ) from None


def _draw(needed: tuple[str, pd.DataFrame]) -> Drawn | NotMade:
    name, frame = needed
    return drawn(FIGURES[name], frame)


def _again(study: Study) -> str:
    """The study once more under another name, so that this run stays as it is."""
    return run_again(study, f"name={study.name}-2")


def _card(run: RunData, folder: Path) -> Card:
    made = attempt("the answer", lambda: card(run.study, run.answer, run.records.trials, folder))
    if isinstance(made, Card):
        return made
    step = NextStep("Read the answer as numbers:", f"sweeper best {run.study.name} --json")
    return Card("none", "The answer could not be written.", not_told(made), {}, (), step)


def _possible() -> set[str]:
    """Every file that some report may hold, the page aside."""
    figures = {f"figures/{name}.png" for name in FIGURES}
    return figures | {f"tables/{name}.csv" for name in TABLES} | {"best.toml", "best.py"} | POSSIBLE
