"""Effects of the activation penalty reach no further than what they are of; a wide interval is called so."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.answer.baseline import Baseline
from sweeper.answer.claims import Claim
from sweeper.questions.penalty_bounds import cut
from sweeper.questions.penalty_effects import QUESTION, penalty_effects
from sweeper.questions.run_data import RunData

REACH = re.compile(
    r"reach(?:es)? from (\S+)( \[limited by the score\])? to (\S+)( \[limited by the score\])?"
)
WIDE = "too wide to rule out a large"


@pytest.fixture(scope="module")
def scored(records: SyntheticRecords) -> RunData:
    """The made-up study, ranked by an AUC near 1 that knows nothing of the penalty."""
    noise = np.random.default_rng(0).exponential(0.05, len(records.trials)).clip(max=0.9)
    values = pd.Series(1 - noise, index=records.trials.index).where(records.trials["objective"].notna())
    trials = records.trials.assign(objective=values)
    return run_data(trials, records.curves, records.layers, search={"objective": "validation_auc"})


def of_score(run: RunData) -> str:
    """What is said of the score."""
    tables = {name: table(run) for name, table in QUESTION.tables.items()}
    said = [each.detail for each in QUESTION.sentences(run, tables) if isinstance(each, Claim)]
    return next(text for text in said if text.startswith("Validation AUC"))


def test_no_effect_takes_a_score_beyond_its_best_value(scored: RunData) -> None:
    """What has a mean of 0.95 without penalty can gain 0.05; table, figure and sentence say so."""
    frame = penalty_effects(scored)
    rows = frame[(frame["quantity"] == "validation_auc") & (frame["contrast"] == "vs zero")]
    table = QUESTION.tables["penalty"](scored)
    without = table.loc[table["activation_penalty"] == 0, "objective"].mean()
    assert rows["high"].max() == pytest.approx(1 - without)
    assert rows["cut"].eq("high").any()
    found = REACH.search(of_score(scored))
    assert found is not None
    assert found[4]
    assert not found[2]
    figure = QUESTION.figure.draw(frame)
    drawn = [line.get_ydata() for line in figure.axes[0].lines]
    assert max(np.max(ends) for ends in drawn) <= rows["high"].max() + 1e-12


def test_an_effect_itself_is_never_cut() -> None:
    """A regression may say more than there is room for: the interval still holds it."""
    assert cut((0.3, 0.1, 0.5), (-1.0, 0.2)) == ((0.3, 0.1, 0.3), "high")
    assert cut((0.1, -2.0, 0.15), (-1.0, 0.2)) == ((0.1, -1.0, 0.15), "low")
    assert cut((0.1, -0.5, 0.15), (-1.0, 0.2)) == ((0.1, -0.5, 0.15), "")


@pytest.mark.parametrize(("guess", "wide"), [(0.9, True), (-0.5, False)])
def test_a_wide_interval_of_a_score_is_called_so(scored: RunData, guess: float, wide: bool) -> None:
    """By the way from guessing to the best value; where guessing is not known, by what trials lie apart."""
    assert scored.answer is not None
    known = replace(scored.answer, baseline=Baseline("a constant", "", None, (), of_search=guess))
    reach = REACH.search(text := of_score(replace(scored, answer=known)))
    assert reach is not None
    ends = [abs(float(reach[k].replace("\u2212", "-"))) for k in (1, 3)]
    assert (max(ends) > 0.2 * (1 - guess)) == wide, "the example"
    assert (WIDE in text) == wide
    spread = np.ptp(QUESTION.tables["penalty"](scored)["objective"])
    assert (WIDE in of_score(scored)) == (max(ends) > 0.2 * spread)
