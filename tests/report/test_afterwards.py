"""What compares the runs that advice asks for with the study."""

from typing import Any

import pytest

from sweeper.report.advice.item import Advice, Asked
from sweeper.report.advice.show import text

RATE = {"search.space.learning_rate.adam": {"low": 1e-4, "high": 1.0, "log": True}}
SCALED = {"data.standardize_target": True}
COUNTED = {"search.objective": "validation_balanced_accuracy"}
WEIGHED = {"training.class_weight": "balanced"}


def said(objective: str, **settings: dict[str, Any]) -> str:
    """The last sentences of so much advice, in one line."""
    advice = [Advice(key, "topic", "Do it.", (), given) for key, given in settings.items()]
    return " ".join(text(advice, Asked("mine.toml"), "mine", {}, objective).split())


@pytest.mark.parametrize(
    ("objective", "settings", "comparable", "apart"),
    [
        ("validation_loss", {"rate": RATE}, True, ""),
        ("validation_loss", {"scaled": SCALED}, False, ""),
        ("validation_loss", {"rate": RATE, "scaled": SCALED}, True, "mine-scaled and mine-advised"),
        ("validation_loss", {"rate": RATE, "weighed": WEIGHED}, True, "mine-weighed and mine-advised"),
        ("validation_accuracy", {"rate": RATE, "counted": COUNTED}, True, "mine-counted and mine-advised"),
        ("validation_auc", {"weighed": WEIGHED}, True, ""),
        ("validation_r2", {"scaled": SCALED}, True, ""),
        ("validation_mae", {"scaled": SCALED}, False, ""),
    ],
)
def test_no_comparison_is_proposed_that_would_be_refused(
    objective: str, settings: dict[str, dict[str, Any]], comparable: bool, apart: str
) -> None:
    """Losses of another function, or of targets in another unit, do not compare."""
    words = said(objective, **settings)
    assert ("Afterwards: sweeper compare mine NAME" in words) is comparable
    why = "which ranks by another score" if "counted" in apart else f"where {objective} is in another unit"
    assert (f"; not {apart}, {why}" in words) is bool(apart)
    assert (f"{objective} is in another unit in each of the new runs" in words) is not comparable
