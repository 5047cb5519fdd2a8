"""An objective and what ranks it: values, intervals, differences and order, turned for a score."""

import math

import pandas as pd
import pytest

from sweeper.answer.ranked import Ranked
from sweeper.trial import objective_name

AUC, OWN, LOSS = (
    Ranked(objective_name(name, highest))
    for name, highest in (("validation_auc", True), ("validation_gini", True), ("validation_loss", False))
)
TABLE = pd.DataFrame(
    {"mean": [0.1, 0.3], "low": [0.05, math.nan], "high": [0.2, 0.4], "gap": [0.0, 0.2], "n": [5, 5]}
)


@pytest.mark.parametrize(("ranked", "best"), [(AUC, 1.0), (OWN, 0.0)])
def test_a_table_of_costs_becomes_one_of_scores(ranked: Ranked, best: float) -> None:
    """A cost c is the score best − c: low and high change places, a difference its sign, the rest stays."""
    found = ranked.read(TABLE, "mean", ends=[("low", "high")], differences=[("gap",)])
    pd.testing.assert_series_equal(found["mean"], best - TABLE["mean"], check_names=False)
    pd.testing.assert_series_equal(found["low"], best - TABLE["high"], check_names=False)
    pd.testing.assert_series_equal(found["high"], best - TABLE["low"], check_names=False)
    pd.testing.assert_series_equal(found["gap"], -TABLE["gap"])
    pd.testing.assert_series_equal(found["n"], TABLE["n"])
    assert ranked.ends(0.05, 0.2) == pytest.approx((best - 0.2, best - 0.05))


def test_an_interval_of_a_difference_is_turned() -> None:
    """−(low … high) is −high … −low."""
    apart = pd.DataFrame({"d": [0.1], "d_low": [-0.2], "d_high": [0.5]})
    found = AUC.read(apart, differences=[("d", "d_low", "d_high")])
    assert found.iloc[0].tolist() == [-0.1, -0.5, 0.2]


def test_what_is_minimised_stays_as_it_is() -> None:
    """Not one bit changes."""
    assert LOSS.read(TABLE, "mean", ends=[("low", "high")], differences=[("gap",)]) is TABLE
    assert LOSS.ends(0.05, 0.2) == (0.05, 0.2)
    assert LOSS.behind(0.3) == 0.3


def test_the_best_comes_first() -> None:
    """The highest score or the lowest loss, equal ones by their number."""
    rows = pd.DataFrame({"objective": [0.5, 0.9, 0.9, 0.1], "trial": [1, 7, 2, 3]})
    assert AUC.order(rows, "objective", "trial")["trial"].tolist() == [2, 7, 1, 3]
    assert LOSS.order(rows, "objective", "trial")["trial"].tolist() == [3, 1, 2, 7]
    assert (AUC.better, AUC.worse, AUC.best) == ("higher", "lower", "highest")
    assert (LOSS.better, LOSS.worse, LOSS.best) == ("lower", "higher", "lowest")
    assert AUC.behind(-0.2) == 0.2
