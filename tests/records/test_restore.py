"""What an interrupted run goes on from: results as they were."""

import math
from pathlib import Path

import pytest
from made_up import MIXED, bowl, result, study

from sweeper.records.restore import confirmed_scores, search_results
from sweeper.records.schema import parameter_columns, trial_rows
from sweeper.records.store import Store, load_trials
from sweeper.search import explore
from sweeper.search.driver import key
from sweeper.search.trial_summary import summarize
from sweeper.trial import Outcome, Trial, TrialResult

ODD = {
    "optimizer": ["sgd", "adam"],
    "learning_rate": [1, 0.5],
    "momentum": [0, 0.9],
    "nesterov": False,
    "betas": [[0.9, 0.999], [0.8, 0.99]],
    "model.depth": [1, 2],
    "model.width": {"low": 4, "high": 64},
    "training.batch_size": [32, "full"],
}
"""Values that their columns would change: whole numbers among floats, numbers among words, pairs."""


@pytest.mark.parametrize("space", [MIXED, ODD], ids=["mixed", "odd"])
def test_results_come_back_as_they_were(tmp_path: Path, space: dict[str, object]) -> None:
    """Parameters with their types, outcome, objective and curve; so the search goes on with equal numbers."""
    asked = study(space)
    points = explore.points(asked.space, (), 40, 0, "random")
    outcomes = {3: Outcome.FAILED, 5: Outcome.PRUNED}
    results = [
        result(
            Trial(n, "explore", 0, p),
            bowl(p) if n % 9 and n != 5 else 0.1,
            outcomes.get(n),
        )
        for n, p in enumerate(points)
    ]
    results[7] = result(Trial(7, "explore", 0, points[7]), math.inf)
    store = Store(tmp_path, parameter_columns(asked.space))
    store.append(results[20:])
    store.append(results[:20])
    back = list(search_results(tmp_path, load_trials(tmp_path), asked.space, "validation_loss"))
    assert [trial.trial.number for trial in back] == list(range(40))
    for mine, theirs in zip(back, results, strict=True):
        assert list(map(repr, mine.trial.parameters.items())) == list(
            map(repr, theirs.trial.parameters.items())
        )
        assert key(mine.trial.parameters) == key(theirs.trial.parameters)
        now, before = summarize(mine, "validation_loss"), summarize(theirs, "validation_loss")
        assert repr(now) == repr(before)


def test_columns_hold_nothing_that_the_trial_did_not_have() -> None:
    """A penalty that is not searched is 0 in its column, an option that an optimizer lacks is null."""
    asked = study(ODD)
    points = explore.points(asked.space, (), 30, 0, "random")
    table = trial_rows(
        [result(Trial(n, "explore", 0, p), 1.0) for n, p in enumerate(points)], parameter_columns(asked.space)
    ).to_pandas()
    assert (table["activation_penalty"] == 0).all()
    assert (table["momentum"].isna() == (table["optimizer"] == "adam")).all()
    assert (table["betas"].isna() == (table["optimizer"] == "sgd")).all()


def test_confirmations_are_told_apart_from_the_search(tmp_path: Path) -> None:
    """The search learns from its own trials only; confirmations that are done are known by trial and seed."""
    asked = study(MIXED)
    point = explore.points(asked.space, (), 1, 0, "random")[0]
    store = Store(tmp_path, parameter_columns(asked.space))
    store.append(
        [
            result(Trial(0, phase, seed, point), 1.0)
            for phase, seed in (("explore", 0), ("confirm", 1), ("confirm", 2))
        ]
    )
    trials = load_trials(tmp_path)
    assert confirmed_scores(trials).keys() == {(0, 1), (0, 2)}
    assert [r.trial.phase for r in search_results(tmp_path, trials, asked.space, "validation_loss")] == [
        "explore"
    ]


def test_the_objective_may_be_an_error_rate() -> None:
    """It is one minus the accuracy, point by point."""
    trial = Trial(0, "explore", 0, {})
    plain = result(trial, 1.0)
    accurate = type(plain)(
        trial,
        Outcome.COMPLETED,
        0.1,
        10,
        0.1,
        "reference",
        "",
        ((0, "validation_accuracy", 0.25), (10, "validation_accuracy", 0.9)),
    )
    assert summarize(accurate, "validation_error").curve == {0: 0.75, 10: pytest.approx(0.1)}


def test_points_that_are_not_finite_are_not_remembered() -> None:
    """Neither sampler nor pruner nor Optuna's storage hears of them."""
    trial = Trial(0, "explore", 0, {})
    curve = tuple(
        (step, "validation_loss", value) for step, value in ((0, 1.0), (5, math.inf), (9, math.nan))
    )
    odd = TrialResult(trial, Outcome.DIVERGED, math.nan, 9, 0.1, "reference", "", curve)
    assert summarize(odd, "validation_loss").curve == {0: 1.0}
