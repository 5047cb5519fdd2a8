"""Questions rendered: sentences, figure and tables of each, or why one of them could not be made."""

from dataclasses import replace
from functools import partial

import pandas as pd

from sweeper.drawing.png import png_bytes
from sweeper.questions import TABLES
from sweeper.questions.question import FigureSpec, Question, Tables
from sweeper.questions.run_data import RunData
from sweeper.report.attempts import MadeTables, NotMade, attempt, not_drawn, not_told
from sweeper.report.grid import grid
from sweeper.report.render import Drawn, RenderedSection

OF_LAYERS = ("gradients", "units", "units_over_time")
"""Figures of what is measured at layers."""


def tables_of(run: RunData) -> Tables:
    """Every table of a run."""
    return MadeTables(
        {name: attempt(f"table {name!r}", partial(table, run)) for name, table in TABLES.items()}
    )


def drawn(spec: FigureSpec, frame: pd.DataFrame) -> Drawn | NotMade:
    """The figure of `frame` as a page embeds it, or why there is none."""
    return attempt(
        f"figure {spec.name!r}",
        lambda: Drawn.of(spec.name, png_bytes(spec.draw(frame)), spec.alt(frame), spec.title, spec.caption),
    )


def sentences(question: Question, run: RunData, tables: Tables) -> tuple[str, ...]:
    """What a question says; why it has no figure where its table is empty."""
    spec = question.figure
    if spec is not None and tables[spec.table].empty:
        unmeasured = run.unmeasured and spec.name in OF_LAYERS
        why = f"Layers are not measured: {run.unmeasured.rstrip('.')}."
        return (why,) if unmeasured else (spec.missing,)
    return question.sentences(run, tables)


def rendered(
    question: Question, run: RunData, tables: Tables, figure: Drawn | NotMade | None
) -> RenderedSection | None:
    """The section of a question, or that it could not be made; ``None`` where it does not apply.

    `figure` is ``None`` where the question has none, or nothing to draw.
    """
    blank = RenderedSection(question.key, question.question, (), how=question.how, unfolded=question.unfolded)
    made = attempt(f"section {question.key!r}", partial(_filled, blank, question, run, tables, figure))
    return replace(blank, sentences=(not_told(made),)) if isinstance(made, NotMade) else made


def _filled(
    blank: RenderedSection, question: Question, run: RunData, tables: Tables, figure: Drawn | NotMade | None
) -> RenderedSection | None:
    if not question.applies(run, tables):
        return None
    said = sentences(question, run, tables)
    if question.figure is not None and figure is None:
        return replace(blank, sentences=said)
    shown = [(part, tables[part.table]) for part in question.shown]
    return replace(
        blank,
        sentences=(*said, not_drawn(figure)) if isinstance(figure, NotMade) else said,
        figure=figure if isinstance(figure, Drawn) else None,
        grids=tuple(grid(part.table, part.caption, part.view(frame)) for part, frame in shown if len(frame)),
        facts=question.facts(run, tables),
        sources=question.sources(run, tables),
    )
