"""When the next step is to search lower rates."""

from dataclasses import replace

import numpy as np
import pytest
from report_inputs import made_input, made_study
from synthetic_records import synthetic_records

from sweeper.answer.claims import GUESS
from sweeper.report.doubts import Doubt
from sweeper.report.next_step import next_step


@pytest.mark.parametrize(
    ("lost", "doubted", "told"), [(0.3, True, True), (0.3, False, False), (0.1, True, False)]
)
def test_a_quarter_that_diverged_is_enough_where_the_winner_is_doubted(
    lost: float, doubted: bool, told: bool
) -> None:
    """A winner at the lowest rate that is not shown to beat guessing: rates are the cause, not the data."""
    made = synthetic_records(40, finalists=2, seeds=6)
    run = made_input(made, study=made_study(confirm={"finalists": 2, "seeds": 6}))
    assert run.answer is not None
    search, own = made.trials["phase"] != "confirm", made.trials["trial"] == run.answer.trial
    others = np.flatnonzero(search & ~own)
    gone = np.isin(np.arange(len(search)), others[: int(lost * search.sum())])
    trials = made.trials.assign(
        outcome=made.trials["outcome"].mask(search, "completed").mask(gone, "diverged"),
        objective=made.trials["objective"].mask(gone).mask(search & ~own & ~gone, 9.0),
        learning_rate=made.trials["learning_rate"].mask(search, 0.5).mask(own, 1e-4),
    )
    answer = replace(run.answer, parameters={**run.answer.parameters, "learning_rate": 1e-4})
    doubt = Doubt(GUESS, "Not shown to be better than guessing.", "", "on test rows") if doubted else None
    step = next_step(run.study, answer, trials, doubt, None, None)
    assert ("search lower ones" in step.text) is told
