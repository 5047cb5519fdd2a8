"""Importances of parameters, and the frames that must not upset them."""

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from sweeper.search.importances import COLUMNS, importances


def frame(count: int, seed: int = 0) -> pd.DataFrame:
    """Trials whose objective depends on the learning rate, a little on the optimizer, and on nothing else."""
    rng = np.random.default_rng(seed)
    rates = 10 ** rng.uniform(-4, 0, count)
    optimizer = rng.choice(["sgd", "adam"], count)
    objective = (np.log10(rates) + 2) ** 2 + 0.1 * (optimizer == "sgd") + 0.01 * rng.random(count)
    return pd.DataFrame(
        {
            "trial": range(count),
            "phase": "explore",
            "outcome": "completed",
            "objective": objective,
            "optimizer": optimizer,
            "learning_rate": rates,
            "noise": rng.random(count),
            "constant": 1.0,
            "momentum": np.where(optimizer == "sgd", 0.9, np.nan),
        }
    )


NAMES = ["optimizer", "learning_rate", "noise", "constant", "momentum"]


def test_the_parameter_that_decides_comes_first() -> None:
    """Shares sum to 1; constant parameters and those that not every trial has are left out."""
    found = importances(frame(100), NAMES)
    assert found["parameter"].iloc[0] == "learning_rate"
    assert set(found["parameter"]) == {"learning_rate", "optimizer", "noise"}
    assert found["importance"].sum() == pytest.approx(1)
    assert found["importance"].is_monotonic_decreasing
    assert (found["low"] <= found["high"]).all()


def test_the_shares_are_those_of_optuna() -> None:
    """A study to which the trials were added one by one gives the same."""
    trials = frame(60)
    trials["noise"] += 1  # so small a range is not taken by its logarithm
    logs = np.log10(trials["learning_rate"])
    distributions = {
        "noise": FloatDistribution(trials["noise"].min(), trials["noise"].max()),
        "learning_rate": FloatDistribution(logs.min(), logs.max()),
    }
    study = optuna.create_study()
    study.add_trials(
        create_trial(params={"noise": noise, "learning_rate": rate}, distributions=distributions, value=value)
        for noise, rate, value in zip(trials["noise"], logs, trials["objective"], strict=True)
    )
    theirs = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    mine = importances(trials, ["noise", "learning_rate"]).set_index("parameter")["importance"]
    assert mine.to_dict() == pytest.approx(theirs)


def test_it_is_the_same_every_time() -> None:
    """No chance is involved."""
    pd.testing.assert_frame_equal(importances(frame(60), NAMES), importances(frame(60), NAMES))


def changed(**columns: object) -> pd.DataFrame:
    """Fifty trials with some columns replaced."""
    return frame(50).assign(**columns)


@pytest.mark.parametrize(
    ("trials", "names"),
    [
        (frame(0), NAMES),
        (frame(5), NAMES),
        (frame(50), []),
        (frame(50), ["constant"]),
        (changed(objective=np.nan, outcome="diverged"), NAMES),
        (changed(outcome="failed"), NAMES),
        (changed(phase="confirm"), NAMES),
    ],
    ids=["no trials", "few", "no parameters", "one constant", "all diverged", "all failed", "only confirmed"],
)
def test_too_little_to_say_is_an_empty_frame(trials: pd.DataFrame, names: list[str]) -> None:
    """Nothing blows up; the columns are there."""
    found = importances(trials, names)
    assert list(found.columns) == COLUMNS
    assert found.empty


@pytest.mark.parametrize(
    "columns",
    [
        {"objective": 0.5},
        {"objective": np.inf},
        {"objective": np.where(np.arange(50) % 2, np.nan, 1.0)},
        {"learning_rate": np.where(np.arange(50) % 4 == 0, 0.0, 1e-3 * (1 + np.arange(50)))},
        {"learning_rate": 0.0},
        {"learning_rate": np.where(np.arange(50) % 2, 0.0, -1.0)},
        {"nesterov": np.arange(50) % 2 == 0},
        {"nesterov": pd.array(np.arange(50) % 2 == 0, dtype="object")},
        {"betas": np.where(np.arange(50) % 2, "[0.9, 0.99]", "[0.8, 0.9]")},
        {"noise": np.where(np.arange(50) == 7, 1e30, 1e-30)},
    ],
    ids=lambda columns: str(*columns),
)
def test_odd_columns_do_no_harm(columns: dict[str, object]) -> None:
    """Constant or infinite objectives, zeros, truth values, pairs: shares or nothing, never an error."""
    found = importances(changed(**columns), [*NAMES, *columns])
    assert found.empty or found["importance"].sum() == pytest.approx(1)
    assert found["importance"].notna().all()


def test_one_parameter_has_it_all() -> None:
    """With a single searched parameter its share is 1."""
    found = importances(frame(50), ["learning_rate", "constant"])
    assert found[["parameter", "importance", "low", "high"]].to_dict("records") == [
        {"parameter": "learning_rate", "importance": 1.0, "low": 1.0, "high": 1.0}
    ]


def test_a_constant_objective_says_nothing() -> None:
    """Where all trials are equally good, equal shares would mislead."""
    assert importances(changed(objective=0.5), NAMES).empty


def test_thousands_of_trials_are_quick() -> None:
    """The order is the same from a part of them."""
    assert importances(frame(6_000), NAMES)["parameter"].iloc[0] == "learning_rate"


def test_what_does_not_matter_stays_below_the_level_of_chance() -> None:
    """The setting that makes the score lies above what shuffled scores reach; noise alone does not."""
    found = importances(frame(100), NAMES).set_index("parameter")
    assert found.loc["learning_rate", "low"] > found.loc["learning_rate", "chance"]
    luck = np.random.default_rng(5).random(100)
    noise = importances(frame(100).assign(objective=luck), NAMES)
    assert not (noise["low"] > noise["chance"]).any()


def test_every_share_lies_in_its_interval() -> None:
    """Resampled trials may lie further apart than the trials themselves; levels of chance are not cut off."""
    few = [
        importances(frame(30).assign(objective=np.random.default_rng(k).random(30)), NAMES) for k in range(8)
    ]
    found = pd.concat(few)
    assert ((found["low"] <= found["importance"]) & (found["importance"] <= found["high"])).all()
    assert found["chance"].max() > 1
