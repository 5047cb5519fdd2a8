"""One self-contained HTML page, and beside it figures, tables and the winner as a study file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.questions import FIGURES, TABLES
from sweeper.questions.question import PAGE_PARTS
from sweeper.questions.run_data import RunData
from sweeper.records.atomic import refuse_links, write_atomically, writing
from sweeper.report.attempts import MadeTables, NotMade, attempt, not_told
from sweeper.report.best_toml import best_toml
from sweeper.report.card import Card, card
from sweeper.report.explore import explorable
from sweeper.report.next_step import NextStep
from sweeper.report.render import Drawn, render
from sweeper.report.sections import Made, drawn, known_tables, sections_of, tables_in_turn, tables_to_draw
from sweeper.report.transferred import POSSIBLE, files_of_earlier, transferred, with_transfers
from sweeper.spreadsheet import to_csv
from sweeper.study.command_line import of_run, run_again
from sweeper.study.study import Study

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""What ``map`` is."""


@dataclass(frozen=True)
class Begun:
    """What is made of a page while something is still being measured that the rest needs."""

    tables: Made
    figures: Mapping[str, Drawn | NotMade]


def begin(run: RunData, stop: Callable[[], bool]) -> Begun:
    """Tables and figures of a page that need nothing that is still being measured; figures until `stop`."""
    tables, figures = known_tables(run), dict[str, Drawn | NotMade]()
    for needed in tables_to_draw(MadeTables(tables)).items():
        if stop():
            break
        figures[needed[0]] = _draw(needed)
    return Begun(tables, figures)


def write(run: RunData, folder: Path, each: Each = map, begun: Begun | None = None) -> Path:
    """Write ``index.html``, ``figures/``, ``tables/`` and ``best.toml`` to `folder`; returns the page.

    Each file is whole or as it was; figures and tables of an earlier report that this one has not are
    deleted; the page comes last. `each` is ``map``, or does the same faster: it draws the figures. What was
    `begun` for the same run is taken over.
    A part that cannot be made is a sentence on the page in its place, and a line on stderr.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    refuse_links(folder, folder / "figures", folder / "tables")
    with writing("the report", folder):  # fails before anything is drawn
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    begun = begun or Begun({}, {})
    every, figures = _tables_and_figures(run, each, begun)
    tables = {name: frame for name, frame in every.items() if len(frame)}
    answered = _card(run, folder)
    beside = transferred(run.study, folder, run.answer.parameters if run.answer else {})
    sections = with_transfers(sections_of(run, every, figures, answered.claims), beside)
    charts = attempt("charts", lambda: explorable(every, run.objective))
    page = render(
        run.study,
        answered,
        sections,
        parts=PAGE_PARTS,
        options=_again(run.study),
        explorable=None if isinstance(charts, NotMade) else charts,
    )
    files: dict[str, str | bytes] = {
        f"figures/{name}.png": figure.png for name, figure in figures.items() if isinstance(figure, Drawn)
    }
    files |= {f"tables/{name}.csv": to_csv(frame) for name, frame in tables.items()}
    for each_transfer in beside:
        files |= each_transfer.files
    best = attempt("best.toml", lambda: best_toml(run.study, run.answer) if run.answer else None)
    if isinstance(best, str):
        files["best.toml"] = best
    kept = {"best.py"} if run.answer is not None else set()  # the script is written beside the page
    with writing("the report", folder):
        for name, content in files.items():
            write_atomically(folder / name, content)
        for stale in (_possible() | files_of_earlier(folder)) - set(files) - kept:
            (folder / stale).unlink(missing_ok=True)
        write_atomically(folder / "index.html", page)
    return folder / "index.html"


def _tables_and_figures(
    run: RunData, each: Each, begun: Begun
) -> tuple[MadeTables, dict[str, Drawn | NotMade]]:
    """All of both. Where `each` has help, first figures are drawn while further tables are made."""
    made, missing = dict[str, pd.DataFrame | NotMade](), list[str]()

    def to_draw() -> Iterator[tuple[str, pd.DataFrame]]:
        for name, table in tables_in_turn(run, begun.tables):
            made[name] = table
            for figure, frame in tables_to_draw(MadeTables({name: table})).items():
                if figure not in begun.figures:
                    missing.append(figure)
                    yield figure, frame

    drawn_now = [*each(_draw, to_draw())]
    figures = {**begun.figures, **dict(zip(missing, drawn_now, strict=True))}
    every = MadeTables(made)
    return every, {name: figures[name] for name in tables_to_draw(every)}


def _draw(needed: tuple[str, pd.DataFrame]) -> Drawn | NotMade:
    name, frame = needed
    return drawn(FIGURES[name], frame)


def _again(study: Study) -> str:
    """The study once more under another name, so that this run stays as it is."""
    return run_again(study, f"name={study.name}-2")


def _card(run: RunData, folder: Path) -> Card:
    made = attempt("the answer", lambda: card(run.study, run.answer, run.records.trials, folder, run.curves))
    if isinstance(made, Card):
        return made
    step = NextStep("Read the answer as numbers:", of_run(run.study, "best", "--json"))
    return Card("none", "The answer could not be written.", not_told(made), {}, (), step)


def _possible() -> set[str]:
    """Every file that some report may hold, the page aside."""
    figures = {f"figures/{name}.png" for name in FIGURES}
    return figures | {f"tables/{name}.csv" for name in TABLES} | {"best.toml", "best.py"} | POSSIBLE
