"""The charts that stand in place of figures: their axes, and how many points they have."""

import numpy as np
import pandas as pd

from sweeper.report.explore import MOST, explorable

NONE = pd.DataFrame()


def board(trials: int) -> pd.DataFrame:
    """A leaderboard of so many trials."""
    return pd.DataFrame({"trial": range(trials), "optimizer": "adam", "outcome": "completed"})


def test_curves_below_zero_have_room_above_their_start() -> None:
    """Losses may be negative: 15 % above the median start, not below it."""
    lines = [(t, 0, s, "validation_loss", -1.0 - 0.06 * s) for t in range(3) for s in range(3)]
    curves = pd.DataFrame(lines, columns=["trial", "rank", "step", "metric", "value"])
    chart = explorable({"learning_curves": curves, "leaderboard": board(3)}, "validation_loss")
    assert chart["charts"]["curves"]["top"] == -0.85


def rates(trials: int, scores: np.ndarray) -> pd.DataFrame:
    """Trials at rising rates."""
    given = {"optimizer": "adam", "capped": False, "outcome": "completed"}
    rising = np.geomspace(1e-4, 1, trials)
    return pd.DataFrame({"trial": range(trials), "learning_rate": rising, "loss": scores, **given})


def test_scores_whose_highest_are_best_have_no_logarithmic_axis() -> None:
    """It would stretch the worst ones, as in the figure; losses that span decades have one."""
    scores = np.geomspace(0.01, 0.9, 9)
    for objective, log in (("validation_accuracy (higher is better)", False), ("validation_loss", True)):
        tables = {"learning_rate": rates(9, scores), "leaderboard": board(9)}
        assert explorable(tables, objective)["charts"]["rates"]["log"] is log


def test_all_points_are_shown_up_to_the_limit() -> None:
    """Of one more every second one."""
    for trials, shown in ((MOST, MOST), (MOST + 1, MOST // 2 + 1)):
        tables = {"learning_rate": rates(trials, np.ones(trials)), "leaderboard": board(trials)}
        assert len(explorable(tables, "validation_loss")["charts"]["rates"]["trial"]) == shown
