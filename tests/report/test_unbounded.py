"""Standardized targets need an output that takes any value: every advice that standardizes sets it."""

import numpy as np
import pytest
from report_inputs import made_study
from synthetic_records import synthetic_records
from torch import nn

from sweeper.report.card import card
from sweeper.report.unbounded import linear_output


@pytest.mark.parametrize("output", ["linear", "softplus"])
def test_the_next_step_makes_the_output_linear(output: str) -> None:
    """Its command ends with an error else: softplus gives nothing below 0."""
    made = synthetic_records(24, finalists=1, seeds=2)
    search = made.trials[made.trials["phase"] != "confirm"]
    lost = search.assign(outcome="diverged", objective=np.nan, steps=7)
    first = made.curves[(made.curves["metric"] == "validation_loss") & (made.curves["step"] == 0)]
    study = made_study(training={"loss": "mse"}, model={"source": "mlp", "output": output})
    command = card(study, None, lost, curves=first.assign(value=1e6)).next_step.command
    assert "data.standardize_target=true" in command
    assert ("model.output=linear" in command) is (output != "linear")
    assert linear_output(study) == ({} if output == "linear" else {"model.output": "linear"})


def test_an_argument_of_a_model_of_ones_own_is_not_touched() -> None:
    """What it calls its output may be anything."""

    def net(in_features: int, out_features: int, output: str) -> nn.Module:
        return nn.Linear(in_features, out_features)

    assert linear_output(made_study(model={"source": net, "output": "heads"})) == {}
