"""The settings that a card lists."""

import pytest
from report_inputs import SPACE, made_study

from sweeper.report.use import settings


@pytest.mark.parametrize(("weight", "told"), [(0.0, False), (1e-3, True)])
def test_a_penalty_of_zero_has_no_kind(weight: float, told: bool) -> None:
    """The kind stands beside a penalty alone."""
    study = made_study(search={"space": {**SPACE, "penalty_kind": ["l1", "l2"]}})
    chosen = {"optimizer": "sgd", "learning_rate": 0.1, "activation_penalty": weight, "penalty_kind": "l1"}
    assert ("Penalty kind" in settings(chosen, study)) is told
