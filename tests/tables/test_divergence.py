"""Where divergence begins: the rule on made-up outcomes, and real trainings on a bowl against 2/λmax."""

import math

import numpy as np
import pandas as pd
import pytest

from sweeper.components.load import load
from sweeper.search.trial import Trial
from sweeper.study.study import Study
from sweeper.tables.divergence import boundary_index, divergence_boundary
from sweeper.theory.stability import limit
from sweeper.training.reference import train
from sweeper.training.setup import Task

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


def trials(rows: list[tuple[str, float, str]]) -> pd.DataFrame:
    """Trials by optimizer, rate and outcome."""
    return pd.DataFrame(rows, columns=["optimizer", "learning_rate", "outcome"])


def test_the_bracket_of_each_group() -> None:
    """Largest survivor, smallest diverged, geometric mean in between; failures do not count."""
    frame = trials(
        [
            *[("sgd", 0.1, "completed"), ("sgd", 0.4, "diverged"), ("sgd", 0.05, "pruned")],
            *[("sgd", 0.3, "failed"), ("adam", 1.0, "diverged"), ("adam", 4.0, "completed")],
            *[("adam", 2.0, "diverged"), ("lion", 0.1, "completed"), ("rprop", 0.2, "diverged")],
        ]
    )
    found = divergence_boundary(frame, ["optimizer"]).set_index("optimizer")
    assert found.loc["sgd"].tolist() == pytest.approx([3, 1, 0.1, 0.4, 0.2])
    assert found.loc["adam", ["low", "high"]].tolist() == [4.0, 1.0]  # they overlap
    assert found.loc["lion", "low"] == 0.1
    assert found.loc[["lion", "rprop", "adam"], "estimate"].isna().all()
    assert math.isnan(found.loc["lion", "high"])
    assert math.isnan(found.loc["rprop", "low"])
    assert divergence_boundary(frame[:0]).empty


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
    rows = []
    for name in ("sgd", "momentum", "nesterov"):
        edge = limit(name, {}).value / CURVATURE
        for factor in (0.985, 0.995, 1.005, 1.015):
            rate = factor * edge
            result = train(task, Trial(0, "explore", 0, {"optimizer": name, "learning_rate": rate}))
            rows.append((name, rate, str(result.outcome)))
    found = divergence_boundary(trials(rows)).set_index("optimizer")
    for name, row in found.iterrows():
        edge = limit(str(name), {}).value / CURVATURE
        assert row["low"] == pytest.approx(0.995 * edge)
        assert row["high"] == pytest.approx(1.005 * edge)
        assert row["estimate"] == pytest.approx(edge, rel=0.01)
