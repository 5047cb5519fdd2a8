"""Which settings change the unit of a score: trials that differ in them have scores that do not compare."""

from sweeper.components.losses import LOSSES
from sweeper.components.metrics import known_score

BY_LOSS = ("validation_loss", "train_loss")
"""Objectives that are values of the loss."""


def of_the_target(objective: str) -> bool:
    """Whether a score is in units of the target; of one that is not known, it may be."""
    known = known_score(objective.partition("_")[2])
    return known is None or known.best == 0


def sets_the_unit(objective: str, key: str) -> bool:
    """Whether scores by `objective` are in another unit, or of another function, where `key` differs."""
    if key == "search.objective":
        return True
    if key == "data.standardize_target":
        return of_the_target(objective)
    options = {option for loss in LOSSES.values() for option in loss.options}
    return objective in BY_LOSS and key.removeprefix("training.") in {"loss", *options}
