"""Two figures for the page of a run under way; apart from it, as importing what draws takes a while."""

import pandas as pd

from sweeper.answer.answer import answer
from sweeper.answer.rows import search_trials
from sweeper.questions import history, learning_rate
from sweeper.questions.question import Question
from sweeper.questions.run_data import RunData
from sweeper.records.store import Records
from sweeper.report.attempts import NotMade, not_drawn
from sweeper.report.render import Drawn, RenderedSection
from sweeper.report.sections import drawn, sentences
from sweeper.study.study import Study
from sweeper.wording import count

SHOWN: tuple[Question, ...] = (learning_rate.QUESTION, history.QUESTION)


def figures(study: Study, trials: pd.DataFrame, curves: pd.DataFrame) -> tuple[RenderedSection, ...]:
    """The questions of `SHOWN` for the recorded `trials`; those without anything to draw are left out.

    Of `curves`, they need the rows of the objective's `start_metric` alone.
    """
    search = search_trials(trials)
    run = RunData(
        study, Records(search, curves, pd.DataFrame()), answer(search, None, objective=study.objective)
    )
    sections = (_rendered(question, run) for question in SHOWN)
    return tuple(section for section in sections if section is not None)


def _rendered(question: Question, run: RunData) -> RenderedSection | None:
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
