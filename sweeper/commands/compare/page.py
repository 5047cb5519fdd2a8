"""Two runs side by side: one page like a report, its tables and figures, and a short text."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.figures import FIGURES
from sweeper.commands.compare.pairing import Run, incomparable
from sweeper.commands.compare.sections import SECTIONS, Part
from sweeper.commands.compare.tables import TABLES
from sweeper.commands.compare.winners import compare
from sweeper.commands.compare.winners import to_dict as to_json_dict
from sweeper.commands.compare.words import card
from sweeper.errors import UserError
from sweeper.records.atomic import refuse_links, write_atomically, writing
from sweeper.report.attempts import NotMade, not_drawn
from sweeper.report.grid import Grid, grid
from sweeper.report.notebook import Answered
from sweeper.report.render import Drawn, RenderedSection, render
from sweeper.report.sections import drawn
from sweeper.spreadsheet import to_csv
from sweeper.study.command_line import of_run
from sweeper.study.study import Study


def side_by_side(name_a: str, result_a: Answered, name_b: str, result_b: Answered) -> Comparison:
    """Everything that is said about two runs.

    Raises:
        UserError: if one has no answer yet, or their scores cannot be compared.
    """
    if name_a == name_b:
        raise UserError(f"compare: {name_a!r} was given twice; give two runs")
    a, b = _run(name_a, result_a), _run(name_b, result_b)
    reason = incomparable(a, b)
    if reason:
        raise UserError(f"{a.name} and {b.name} are not comparable: {reason}")
    found = compare(a, b)
    tables = {name: table(a, b) for name, table in TABLES.items()}
    tables["scores"] = tables["scores"].assign(paired=found.paired)
    return Comparison(a, b, found, tables)


def _run(name: str, result: Answered) -> Run:
    if result.answer is None:
        see = of_run(result.study, "status")
        raise UserError(f"run {name!r} has no completed trial, so it cannot be compared; see: {see}")
    return Run(name, result.study, result.records, result.answer, result.split)


def write(side: Comparison, folder: Path) -> Path:
    """Write ``index.html``, ``figures/`` and ``tables/`` to `folder`; returns the page.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    refuse_links(folder, folder / "figures", folder / "tables")
    a, b, tables = side.a, side.b, side.tables
    made = {
        name: drawn(spec, tables[spec.table]) for name, spec in FIGURES.items() if len(tables[spec.table])
    }
    figures = {name: figure for name, figure in made.items() if isinstance(figure, Drawn)}
    sections = [_rendered(part, side, made.get(part.figure)) for part in SECTIONS]
    titled = Study(name=f"{a.name}-vs-{b.name}", question=_question(a, b), trusted=True)
    page = render(titled, card(side), sections)
    files: dict[str, str | bytes] = {f"figures/{name}.png": figure.png for name, figure in figures.items()}
    files |= {f"tables/{name}.csv": to_csv(frame) for name, frame in tables.items()}
    with writing("the comparison", folder):
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
        for stale in {f"figures/{name}.png" for name in FIGURES} - set(files):
            (folder / stale).unlink(missing_ok=True)
        write_atomically(folder / "index.html", page)
    return folder / "index.html"


def _question(a: Run, b: Run) -> str:
    return f"Which is better, the winner of {a.name} or that of {b.name}?"


def _rendered(part: Part, side: Comparison, figure: Drawn | NotMade | None) -> RenderedSection:
    failed = (not_drawn(figure),) if isinstance(figure, NotMade) else ()
    return RenderedSection(
        part.key,
        part.question,
        (*part.sentences(side), *failed),
        (figure,) if isinstance(figure, Drawn) else (),
        tuple(_grid(each.table, each.caption, side) for each in part.shown if len(side.tables[each.table])),
        part.how,
        part.unfolded,
    )


def _grid(table: str, caption: str, side: Comparison) -> Grid:
    """Columns of the two runs bear their names."""
    names = {"a": side.a.name, "b": side.b.name}
    headings = {key: f"{name} ({key.upper()})" for key, name in names.items()}
    headings |= {f"{what} {key}": f"{what} ({key.upper()})" for key in names for what in ("best", "trials")}
    frame = side.tables[table].drop(columns="paired", errors="ignore")
    if "best_a" in frame:
        caption += f"; A is {side.a.name}, B is {side.b.name}"
    shown = grid(table, caption, frame)
    columns = [
        replace(column, heading=headings.get(column.heading, column.heading)) for column in shown.columns
    ]
    return replace(shown, columns=tuple(columns))


def to_dict(side: Comparison) -> dict[str, Any]:
    """``{"a": {name and best --json}, "b": …, "comparison": …, "differences": {key: [a, b]}}``."""
    changed = side.tables["differences"].to_dict("records")
    return {
        "a": {"name": side.a.name, **side.a.answer.to_dict()},
        "b": {"name": side.b.name, **side.b.answer.to_dict()},
        "comparison": dict(to_json_dict(side.found, side.ranked)),
        "differences": {row["key"]: [row["a"], row["b"]] for row in changed},
    }
