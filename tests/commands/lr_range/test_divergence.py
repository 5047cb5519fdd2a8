"""Where divergence begins: the rule on made-up outcomes, and real trainings on a bowl against 2/λmax."""

import numpy as np
import pytest

from sweeper.commands.lr_range.table import boundary_index
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Trial

CURVATURE = 53.12902


@pytest.mark.parametrize(
    ("outcomes", "place"),
    [
        ("......xxxx", 6),
        ("..........", 10),
        ("xxxxxxxxxx", 0),
        ("...x..xxxx", 6),  # one NaN among survivors
        ("......xx.x", 6),  # one survivor beyond the cliff
        (".....x....", 10),
        ("........x.", 10),
        (".........x", 9),
        ("..x.x.xxxx", 6),
        ("", 0),
    ],
)
def test_the_cliff_is_where_fewest_lie_on_the_wrong_side(outcomes: str, place: int) -> None:
    """`x` diverged, `.` did not; lone exceptions move nothing."""
    assert boundary_index(np.array([mark == "x" for mark in outcomes], dtype=bool)) == place


def test_the_measured_boundary_is_the_theoretical_one() -> None:
    """Full-batch trainings on the quadratic data: limit / λmax lies in the bracket, which is 1 % wide."""
    study = Study(
        name="bowl",
        data={"source": "quadratic", "standardize": False},
        model={"source": "linear", "bias": False},
        training={"loss": "mse", "steps": 1200, "batch_size": "full", "evaluations": 1, "dtype": "float64"},
        search={
            "space": {
                "optimizer": ["sgd", "momentum", "nesterov"],
                "learning_rate": {"low": 0.01, "high": 0.1, "log": True},
            }
        },
    )
    task = Task(study, load("quadratic", loss_task="regression"))
    for name in ("sgd", "momentum", "nesterov"):
        edge = OPTIMIZERS[name].limit.value(OPTIMIZERS[name].defaults, 0) / CURVATURE
        rates = [factor * edge for factor in (0.985, 0.995, 1.005, 1.015)]
        results = [
            train(task, Trial(0, "explore", 0, {"optimizer": name, "learning_rate": rate})) for rate in rates
        ]
        assert [str(result.outcome) for result in results] == ["completed"] * 2 + ["diverged"] * 2, name
