"""Trainings of a transfer that nobody has made, whose best rates follow a law."""

import numpy as np
import pandas as pd

from sweeper.commands.transfer.conditions import Conditions, NextCommand, Purpose
from sweeper.commands.transfer.trials import Over

LOSS = "validation_loss"
OVER = Over("model.width", (16, 32, 64), 512, 128)
CONDITIONS = Conditions(
    key="model.width",
    sizes=[16, 32, 64],
    to=512,
    check=128,
    objective=LOSS,
    trainings=260,
    rates=13,
    seeds=5,
    lowest_rate=1e-3,
    highest_rate=1.0,
    plan="one by one",
    held={"optimizer": "adam"},
    held_from="as asked",
    unlike=[],
    study="wide",
    next=NextCommand(Purpose.TRAIN_AT_SIZE, "sweeper run wide --set model.width=512"),
)


def frame(best: dict[int, float], noise: float = 0.003) -> pd.DataFrame:
    """Trainings whose mean loss is lowest at `best` of each size; rates above 0.8 diverged."""
    generator, rows = np.random.default_rng(0), []
    for size, place in best.items():
        for rate in np.geomspace(1e-3, 1.0, 13):
            for seed in range(5):
                loss = 1 + 0.05 * np.log(rate / place) ** 2 + generator.normal(0, noise)
                rows.append((size, rate, seed, "completed", loss if rate < 0.8 else np.nan))
    return pd.DataFrame(rows, columns=["size", "learning_rate", "seed", "outcome", "objective"])


LAW = {size: 0.8 * size**-0.5 for size in (16, 32, 64, 128)}
