"""Scores that beat guessing by no more than luck with a few test rows explains."""

import numpy as np
import pytest

from sweeper.answer.baseline import baseline

ROWS = 48


def scores_above(**winner: float) -> tuple[str, ...]:
    """Of a winner with these scores on six seeds, each a little other, where half of the labels are 1."""
    guess = {"accuracy": 0.5, "auc": 0.5, "average_precision": 0.5, "f1": 0.0, "mae": 0.5}
    recorded = {
        "guess": "it",
        "why": "",
        "rows": {"test": ROWS},
        "scores": [{"seed": seed, "test": guess, "validation": {"loss": 0.7}} for seed in range(6)],
    }
    jitter = dict(enumerate(np.linspace(-0.01, 0.01, 6)))
    tested = {seed: {k: v + move for k, v in winner.items()} for seed, move in jitter.items()}
    found = baseline(recorded, "validation_loss", {seed: 0.7 for seed in range(6)}, tested)
    return found.scores_above


@pytest.mark.parametrize(
    ("winner", "above"),
    [
        ({"accuracy": 0.5, "auc": 0.57, "average_precision": 0.56}, ()),
        ({"accuracy": 0.5, "auc": 0.9, "average_precision": 0.9}, ("auc", "average_precision")),
        ({"accuracy": 0.5, "auc": 0.57, "mae": 0.4}, ()),
        ({"mae": 0.4}, ("mae",)),
    ],
    ids=["luck", "more than luck", "another beside luck", "nothing known of luck"],
)
def test_what_luck_with_rows_explains_beats_no_guess(
    winner: dict[str, float], above: tuple[str, ...]
) -> None:
    """All seeds are scored on the same rows: an interval over seeds alone shows noise to beat guessing."""
    assert scores_above(**winner) == above
