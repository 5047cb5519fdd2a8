"""What the page of a run under way says of its best trial."""

import numpy as np
import pytest
from report_inputs import made_study
from synthetic_records import synthetic_records

from sweeper.answer.answer import answer
from sweeper.answer.rows import search_trials
from sweeper.report.live_page import _lead


@pytest.mark.parametrize("tied", [1, 3])
def test_the_best_of_a_score_that_is_maximized_is_tied_with_its_like(tied: int) -> None:
    """It is the highest that counts: how many have it is said, and of one alone that it is the highest."""
    study = made_study(search={**made_study().to_dict()["search"], "objective": "validation_auc"})
    made = search_trials(synthetic_records(24).trials)
    made = made.assign(outcome="completed", objective=np.linspace(0.5, 0.9, len(made)))
    made["objective"] = made["objective"].mask(made.index < tied, 1.0)
    found = answer(made, None, objective=study.objective)
    said = _lead(study, made, made.head(0), found)
    assert ("It is the highest of" in said) == (tied == 1)
    assert ("the first of 3 that tie as the highest" in said) == (tied == 3)
