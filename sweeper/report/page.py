"""One self-contained HTML page, and beside it figures, tables and the winner as a study file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.components.models import MODELS
from sweeper.errors import RunFolderError
from sweeper.figures import FIGURES
from sweeper.records.atomic import refuse_links, write_atomically
from sweeper.records.store import Records
from sweeper.report.attempts import NotMade, Tables, attempt, not_drawn, not_told
from sweeper.report.attempts import drawn as drawn_of
from sweeper.report.best_toml import best_toml
from sweeper.report.card import Card, card
from sweeper.report.next_step import NextStep
from sweeper.report.render import Drawn, Told, render
from sweeper.report.section import Evidence, Section
from sweeper.report.sections import SECTIONS
from sweeper.spreadsheet import to_csv
from sweeper.study.study import Study
from sweeper.tables import TABLES, Source
from sweeper.tables.source import ranges_of

__all__ = ["ReportInput", "best_toml", "evidence_of", "sentences", "write"]


Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""What ``map`` is."""
OF_LAYERS = ("gradients", "units", "units_over_time")
"""Figures of what is measured at layers."""
OF_ONE_WIDTH = ("mlp", "residual_mlp")
"""Built-in models whose `depth` hidden layers put out `width` activations each."""


@dataclass(frozen=True)
class ReportInput:
    """What a report is made of."""

    study: Study
    records: Records
    answer: Answer | None
    importances: pd.DataFrame
    """Columns parameter and importance; may be empty."""
    seconds: float | None = None
    """Wall time of the run; ``None`` where only the report was rendered."""
    notes: tuple[str, ...] = ()
    """Sentences about how it was run: the plan, say."""
    unmeasured: str = ""
    """Why layers are not measured; empty where they are."""


def write(told: ReportInput, folder: Path, each: Each = map) -> Path:
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
    evidence = evidence_of(told)
    tables = {name: frame for name, frame in evidence.tables.items() if len(frame)}
    needed = [(name, tables[spec.table]) for name, spec in FIGURES.items() if spec.table in tables]
    drawn = dict(zip([name for name, _ in needed], each(_draw, needed), strict=True))
    page = render(told.study, _card(told, folder), _sections(evidence, drawn))
    files: dict[str, str | bytes] = {
        f"figures/{name}.png": figure.png for name, figure in drawn.items() if isinstance(figure, Drawn)
    }
    files |= {f"tables/{name}.csv": _csv(frame) for name, frame in tables.items()}
    best = attempt("best.toml", lambda: best_toml(told.study, told.answer) if told.answer else None)
    if isinstance(best, str):
        files["best.toml"] = best
    kept = {"best.py"} if told.answer is not None else set()  # the script is written beside the page
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


def evidence_of(told: ReportInput) -> Evidence:
    """Every table of a run."""
    records, objective = told.records, told.study.search.objective
    sizes = attempt("the number of units of each layer", lambda: layer_sizes(told.study, told.answer))
    source = Source(
        records.trials,
        records.curves,
        records.layers,
        told.importances,
        objective,
        expect=told.study.expect,
        scientific=told.study.search.scientific,
        ranges=ranges_of(told.study.space),
        layer_sizes=sizes if isinstance(sizes, tuple) else (),
        init=_init(told.study),
    )
    made = {name: attempt(f"table {name!r}", partial(table, source)) for name, table in TABLES.items()}
    return Evidence(
        told.study, records.trials, told.answer, Tables(made), told.seconds, told.notes, told.unmeasured
    )


def layer_sizes(study: Study, answer: Answer | None) -> tuple[int, ...]:
    """Activations of each hidden layer of the winner; empty where the model is none of `OF_ONE_WIDTH`."""
    source = study.model.source
    if answer is None or not isinstance(source, str) or source not in OF_ONE_WIDTH:
        return ()
    defaults = {key: value.default for key, value in signature(MODELS[source]).parameters.items()}
    searched = answer.parameters.items()
    chosen = {key.removeprefix("model."): value for key, value in searched if key.startswith("model.")}
    given = {**defaults, **study.model.options, **chosen}
    return (int(given["width"]),) * int(given["depth"])


def _init(study: Study) -> str:
    """The initializer that the study names, or that built-in models take by themselves."""
    builtin = isinstance(study.model.source, str) and ":" not in study.model.source
    return study.model.init or ("auto" if builtin else "")


def sentences(section: Section, evidence: Evidence) -> tuple[str, ...]:
    """What a section says; why it has no figure where its table is empty."""
    spec = FIGURES[section.figure] if section.figure is not None else None
    if spec is not None and evidence.tables[spec.table].empty:
        unmeasured = evidence.unmeasured and section.figure in OF_LAYERS
        why = f"Layers are not measured: {evidence.unmeasured.rstrip('.')}."
        return (why,) if unmeasured else (spec.missing,)
    return section.answer(evidence)


def _draw(needed: tuple[str, pd.DataFrame]) -> Drawn | NotMade:
    name, frame = needed
    return drawn_of(name, FIGURES[name], frame)


def _card(told: ReportInput, folder: Path) -> Card:
    found = attempt("the answer", lambda: card(told.study, told.answer, told.records.trials, folder))
    if isinstance(found, Card):
        return found
    step = NextStep("Read the answer in numbers:", f"sweeper best {told.study.name} --json")
    return Card("none", "The answer could not be put into words.", not_told(found), {}, (), step)


def _sections(evidence: Evidence, drawn: Mapping[str, Drawn | NotMade]) -> list[Told]:
    found = []
    for section in SECTIONS:
        told = attempt(f"section {section.key!r}", partial(_section, section, evidence, drawn))
        if isinstance(told, NotMade):
            told = Told(section, (not_told(told),), None, (), {}, {})
        found += [told] if told is not None else []
    return found


def _section(section: Section, evidence: Evidence, drawn: Mapping[str, Drawn | NotMade]) -> Told | None:
    if not section.applies(evidence):
        return None
    said = sentences(section, evidence)
    if section.figure is not None and section.figure not in drawn:
        return Told(section, said, None, (), {}, {})
    figure = drawn[section.figure] if section.figure is not None else None
    shown = [(part, evidence.tables[part.table]) for part in section.shown]
    return Told(
        section,
        (*said, not_drawn(figure)) if isinstance(figure, NotMade) else said,
        figure if isinstance(figure, Drawn) else None,
        tuple(Told.grid_of(part, frame) for part, frame in shown if len(frame)),
        section.facts(evidence),
        section.sources(evidence),
    )


def _csv(frame: pd.DataFrame) -> str:
    return to_csv(frame)


def _possible() -> set[str]:
    """Every file that some report may hold, the page aside."""
    figures = {f"figures/{name}.png" for name in FIGURES}
    return figures | {f"tables/{name}.csv" for name in TABLES} | {"best.toml", "best.py"}
