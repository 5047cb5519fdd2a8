"""Questions rendered: sentences, figure and tables of each, or why one of them could not be made."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pandas as pd

from sweeper.answer.answer import answer
from sweeper.answer.claim_words import Statement, words
from sweeper.answer.claims import Claim, Judged, resolve
from sweeper.answer.rows import search_trials
from sweeper.drawing.png import png_bytes
from sweeper.drawing.style import DPI
from sweeper.questions import FIGURES, QUESTIONS, TABLES, history, learning_rate
from sweeper.questions.question import FigureSpec, Question, Tables
from sweeper.questions.run_data import BeingMeasured, RunData
from sweeper.records.store import Records
from sweeper.report.attempts import MadeTables, NotMade, attempt, not_drawn, not_told
from sweeper.report.grid import grid
from sweeper.report.render import Drawn, RenderedSection
from sweeper.study.study import Study
from sweeper.wording import count

Made = Mapping[str, pd.DataFrame | NotMade]
"""Tables by name."""
NONE_MADE: Made = {}
OF_LAYERS = ("gradients", "units_over_time")
"""Figures of what is measured at layers."""
SHOWN_LIVE: tuple[Question, ...] = (learning_rate.QUESTION, history.QUESTION)
"""What the page of a run under way draws."""


def tables_in_turn(run: RunData, known: Made = NONE_MADE) -> Iterator[tuple[str, pd.DataFrame | NotMade]]:
    """Every table of a run by name, made when it is asked for, those `known` as they are."""
    for name, table in TABLES.items():
        yield name, known[name] if name in known else attempt(f"table {name!r}", partial(table, run))


def tables_of(run: RunData, known: Made = NONE_MADE) -> MadeTables:
    """`tables_in_turn`, all of them."""
    return MadeTables(dict(tables_in_turn(run, known)))


def known_tables(run: RunData) -> Made:
    """Every table of a run in which something is still being measured that needs none of that."""
    made: dict[str, pd.DataFrame | NotMade] = {}
    for name, table in TABLES.items():
        with suppress(BeingMeasured):  # made with the others
            made[name] = attempt(f"table {name!r}", partial(table, run))
    return made


def tables_to_draw(tables: Tables) -> dict[str, pd.DataFrame]:
    """Of each figure that has something to show, its name and the table that it draws."""
    found = {name: tables.get(spec.table) for name, spec in FIGURES.items()}
    return {name: frame for name, frame in found.items() if frame is not None and len(frame)}


def drawn(spec: FigureSpec, frame: pd.DataFrame, dpi: int = DPI) -> Drawn | NotMade:
    """The figure of `frame` as a page embeds it, or why there is none."""
    return attempt(
        f"figure {spec.name!r}",
        lambda: Drawn.of(
            spec.name, png_bytes(spec.draw(frame), dpi), spec.alt(frame), spec.title, spec.caption
        ),
    )


def statements(question: Question, run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """Facts and claims of a question; why it has no figure where its table is empty."""
    spec = question.figure
    if spec is not None and tables[spec.table].empty:
        unmeasured = run.unmeasured and spec.name in OF_LAYERS
        why = f"Layers are not measured: {run.unmeasured.rstrip('.')}."
        return (why,) if unmeasured else (spec.why_missing(run),)
    return question.sentences(run, tables)


def sentences(question: Question, run: RunData, tables: Tables) -> tuple[str, ...]:
    """What a question says by itself, without the claims of others."""
    said = statements(question, run, tables)
    return words(said, judged([said]))


def judged(said: Iterable[Iterable[Statement]], others: Iterable[Claim] = ()) -> Mapping[Claim, Judged]:
    """Every claim of the page, `others` first, with what stands against it."""
    claims = [*others, *(each for part in said for each in part if isinstance(each, Claim))]
    return {each.claim: each for each in resolve(claims)}


Told = tuple[Statement, ...] | NotMade


def told(question: Question, run: RunData, tables: Tables) -> Told | None:
    """Its statements, or why there are none; ``None`` where it does not apply."""
    made = attempt(f"section {question.key!r}", partial(_told, question, run, tables))
    return made if isinstance(made, NotMade) else made[0]


def _told(question: Question, run: RunData, tables: Tables) -> tuple[tuple[Statement, ...] | None]:
    return (statements(question, run, tables) if question.applies(run, tables) else None,)


def sections_of(
    run: RunData, tables: Tables, figures: Mapping[str, Drawn | NotMade], others: Iterable[Claim]
) -> list[RenderedSection]:
    """The questions that apply, in their order; their claims give way to `others` and to each other."""
    said = [(question, its) for question in QUESTIONS if (its := told(question, run, tables)) is not None]
    claims = judged((part for _, part in said if not isinstance(part, NotMade)), others)
    return [rendered(question, run, tables, part, claims, figures) for question, part in said]


def rendered(
    question: Question,
    run: RunData,
    tables: Tables,
    said: Told,
    claims: Mapping[Claim, Judged],
    figures: Mapping[str, Drawn | NotMade],
) -> RenderedSection:
    """The section of a question, or that it could not be made.

    `said` are its statements, `claims` those of the whole page, and `figures` what was drawn.
    """
    how = question.how if question.how_of is None else question.how_of(run)
    blank = RenderedSection(
        question.key, question.question, (), how=how, unfolded=question.unfolded, part=question.part
    )
    if isinstance(said, NotMade):
        return replace(blank, sentences=(not_told(said),))
    make = partial(_filled, blank, question, run, tables, words(said, claims), figures)
    made = attempt(f"section {question.key!r}", make)
    return replace(blank, sentences=(not_told(made),)) if isinstance(made, NotMade) else made


def _filled(
    blank: RenderedSection,
    question: Question,
    run: RunData,
    tables: Tables,
    said: tuple[str, ...],
    figures: Mapping[str, Drawn | NotMade],
) -> RenderedSection:
    found = [_captioned(spec, figures[spec.name], run) for spec in question.figures if spec.name in figures]
    if question.figure is not None and question.figure.name not in figures:
        return replace(blank, sentences=said)
    shown = [(part, tables[part.table]) for part in question.shown]
    missing = tuple(not_drawn(each) for each in found if isinstance(each, NotMade))
    return replace(
        blank,
        sentences=(*said, *missing),
        figures=tuple(each for each in found if isinstance(each, Drawn)),
        grids=tuple(grid(part.table, part.caption, part.view(frame)) for part, frame in shown if len(frame)),
        facts=question.facts(run, tables),
        sources=question.sources(run, tables),
    )


def _captioned(spec: FigureSpec, found: Drawn | NotMade, run: RunData) -> Drawn | NotMade:
    """A figure with the caption that it has in this run."""
    if spec.of_run is None or isinstance(found, NotMade):
        return found
    return replace(found, caption=spec.of_run(run))


def live_figures(study: Study, trials: pd.DataFrame, curves: pd.DataFrame) -> tuple[RenderedSection, ...]:
    """The questions of `SHOWN_LIVE` for the recorded `trials`; those without anything to draw are left out.

    Of `curves`, they need the rows of the objective's `start_metric` alone.
    """
    search = search_trials(trials)
    run = RunData(
        study, Records(search, curves, pd.DataFrame()), answer(search, None, objective=study.objective)
    )
    sections = (_live(question, run) for question in SHOWN_LIVE)
    return tuple(section for section in sections if section is not None)


def _live(question: Question, run: RunData) -> RenderedSection | None:
    assert question.figure is not None
    tables = {name: table(run) for name, table in question.tables.items()}
    frame = tables[question.figure.table]
    if frame.empty:
        return None
    figure = drawn(question.figure, frame)
    drawn_when = f"Drawn after {count(len(run.trials), 'trial')}."
    last = not_drawn(figure) if isinstance(figure, NotMade) else drawn_when
    said = (*sentences(question, run, tables), last)
    shown = (figure,) if isinstance(figure, Drawn) else ()
    return RenderedSection(question.key, question.question, said, shown, unfolded=True)
