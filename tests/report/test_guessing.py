"""The line of the card that shows the winner beside guessing."""

import re
from dataclasses import replace

import numpy as np
import pytest
from report_inputs import SPACE, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import answer
from sweeper.answer.baseline import Against, Baseline
from sweeper.answer.ranked import Ranked
from sweeper.report.against_words import guessing


@pytest.mark.parametrize("better", [True, False])
@pytest.mark.parametrize("objective", ["loss", "error", "auc", "accuracy", "rmse"])
def test_each_score_is_called_lower_or_higher_by_its_own_numbers(
    records: SyntheticRecords, objective: str, better: bool
) -> None:
    """The winner beside guessing, on both parts: the word is that of the score it stands beside, which on the
    test rows of an error is the accuracy."""
    worst, best = {"loss": (2.0, 0.5), "rmse": (2.0, 0.5)}.get(objective, (0.2, 0.9))
    own, guess = (best, worst) if better else (worst, best)
    tested = "accuracy" if objective == "error" else objective
    winner = 1 - own if objective == "error" else own
    part = {tested: guess}
    guesses = [{"seed": s, "train": part, "validation": part, "test": part} for s in range(6)]
    study = made_study(search={"trials": 60, "space": SPACE, "objective": f"validation_{objective}"})
    trials = records.trials.assign(
        objective=records.trials["objective"].notna().map({True: winner, False: np.nan})
    )
    chosen = answer(trials, None, objective=study.objective)
    test = {"trial": chosen.trial, "scores": [{tested: own}] * 5}
    found = answer(
        trials, test, None, {"guess": "a constant", "why": "", "scores": guesses}, objective=study.objective
    )
    _, meaning = guessing(found, Ranked(study.objective))
    of_rows = [(winner, 1 - guess if objective == "error" else guess), (own, guess)]
    words = ["higher" if mine > other else "lower" for mine, other in of_rows]
    assert re.findall(r"is [\d.]+ (higher|lower)", meaning) == words


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (["profit"], "; blind labels: one for all rows; on"),
        (["profit", "accuracy"], "whichever scores better; of profit only one for all rows; on"),
        (
            ["accuracy"],
            "; blind labels: one for all rows, or drawn by their shares, whichever scores better; on",
        ),
    ],
)
def test_blind_labels_are_said_to_be_drawn_only_where_they_were(
    records: SyntheticRecords, scores: list[str], said: str
) -> None:
    """By a score of the user's only one label for all rows is scored."""
    study = made_study()
    own, *others = [
        Against(part, name, 0.9, 0.5, 0.4, 0.3, 0.5, 5, True, drawn=0.5)
        for part, name in [("validation", scores[0]), *(("test", name) for name in scores)]
    ]
    found = replace(
        answer(records.trials, None, objective=study.objective),
        baseline=Baseline("a constant", "", own, tuple(others)),
    )
    _, meaning = guessing(found, Ranked(f"validation_{scores[0]} (higher is better)"))
    assert said in meaning
