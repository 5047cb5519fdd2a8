"""Whether anything was learned where a score is at its best before training on some seeds, or on all."""

import pandas as pd
import pytest

from sweeper.answer.baseline import baseline
from sweeper.answer.learning import learning

SEEDS = list(range(1, 11))
GUESSES = {part: {"accuracy": 0.5, "loss": 0.7} for part in ("validation", "test")}


@pytest.mark.parametrize("perfect", [0, 5, 9, 10])
@pytest.mark.parametrize("objective", ["validation_accuracy (higher is better)", "validation_error"])
def test_seeds_that_can_get_no_better_do_not_hide_learning(perfect: int, objective: str) -> None:
    """An accuracy of 1 before training on some seeds, and of 1 on all of them afterwards."""
    rows = [
        (3, seed, 10 * step, "validation_accuracy", 0.5 if step == 0 and seed > perfect else 1.0)
        for seed in SEEDS
        for step in range(5)
    ]
    curves = pd.DataFrame(rows, columns=["trial", "seed", "step", "metric", "value"])
    recorded = {"guess": "it", "why": "", "scores": [{"seed": seed, **GUESSES} for seed in SEEDS]}
    own = dict.fromkeys(SEEDS, 0.0 if objective == "validation_error" else 1.0)
    guess = baseline(recorded, objective, own, {seed: {"accuracy": 1.0} for seed in SEEDS})
    found = learning(curves, 3, SEEDS, objective, guess)
    assert found is not None
    assert (found.learned, found.perfect) == (perfect < 10, perfect)
