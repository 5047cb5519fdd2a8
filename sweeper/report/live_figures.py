"""Two figures for the page of a run under way; apart from it, as importing what draws takes a while."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from sweeper.answer.answer import answer
from sweeper.answer.rows import search_trials
from sweeper.figures import FIGURES
from sweeper.report.attempts import NotMade, drawn, not_drawn
from sweeper.report.render import Drawn, Told
from sweeper.report.section import Evidence, Section
from sweeper.report.sections import history, learning_rate
from sweeper.study.study import Study
from sweeper.tables import TABLES, Source
from sweeper.wording import count

SHOWN: tuple[Section, ...] = (learning_rate.SECTION, history.SECTION)
METRIC: Mapping[str, str] = {
    "validation_loss": "validation_loss",
    "train_loss": "validation_loss",
    "validation_error": "validation_accuracy",
}
"""objective -> the only metric of the ``curves`` records that these figures need, at step 0."""


def figures(study: Study, trials: pd.DataFrame, curves: pd.DataFrame) -> tuple[Told, ...]:
    """The sections of `SHOWN` for the recorded `trials`; those without anything to draw are left out."""
    search = search_trials(trials)
    source = Source(search, curves, pd.DataFrame(), objective=study.search.objective)
    names = [section.figure for section in SHOWN if section.figure is not None]
    tables = {FIGURES[name].table: TABLES[FIGURES[name].table](source) for name in names}
    evidence = Evidence(study, search, answer(search, None), tables)
    told = (_told(section, evidence, len(search)) for section in SHOWN)
    return tuple(section for section in told if section is not None)


def _told(section: Section, evidence: Evidence, trials: int) -> Told | None:
    assert section.figure is not None
    spec = FIGURES[section.figure]
    frame = evidence.tables[spec.table]
    if frame.empty:
        return None
    figure = drawn(section.figure, spec, frame)
    last = not_drawn(figure) if isinstance(figure, NotMade) else f"Drawn after {count(trials, 'trial')}."
    said = (*section.answer(evidence), last)
    shown = figure if isinstance(figure, Drawn) else None
    return Told(replace(section, shown=(), how=()), said, shown, (), {}, {})
