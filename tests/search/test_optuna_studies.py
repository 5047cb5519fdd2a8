"""Between a run and Optuna: a run as a study of Optuna, and a study of somebody else as earlier knowledge."""

import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from quick_runs import without_workers
from whole_runs import run, study

from sweeper.errors import UserError
from sweeper.result import Result
from sweeper.search.optuna_studies import from_optuna
from sweeper.trial import Outcome, TrialResult


@pytest.fixture(scope="module")
def told() -> list[TrialResult]:
    """What `on_result` is called with."""
    return []


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, told: list[TrialResult]) -> Result:
    """Six trials and one finalist on two seeds; the callback raises at every one."""

    def on_result(trained: TrialResult) -> None:
        told.append(trained)
        raise SystemExit(3) if len(told) % 2 else ValueError("no room")

    asked = study(search={"trials": 6, "generation": 3}, confirm={"finalists": 1, "seeds": 2})
    with without_workers():
        return run(tmp_path_factory.mktemp("foreign"), asked, on_result=on_result)


def test_each_finished_trial_is_told_and_what_that_raises_loses_none(
    result: Result, told: list[TrialResult]
) -> None:
    """Search and confirmations, once each; all are on record."""
    keys = [(each.trial.number, each.trial.seed) for each in told]
    rows = zip(result.trials["trial"], result.trials["seed"], strict=True)
    assert sorted(keys) == [(int(trial), int(seed)) for trial, seed in rows]
    assert len(keys) == 8


def test_a_run_is_a_study(result: Result) -> None:
    """Values, states, parameters, distributions and intermediate values of the search; fresh seeds beside."""
    made, search = result.optuna_study, result.trials[result.trials["phase"] != "confirm"]
    assert [t.value for t in made.trials] == search["objective"].tolist()
    assert {t.state for t in made.trials} == {TrialState.COMPLETE}
    assert [t.params["learning_rate"] for t in made.trials] == search["learning_rate"].tolist()
    space = made.trials[0].distributions
    assert space["learning_rate"] == optuna.distributions.FloatDistribution(1e-3, 1e-1, log=True)
    assert space["optimizer"] == optuna.distributions.CategoricalDistribution(["sgd", "adam"])
    first = result.curves[(result.curves["trial"] == 0) & (result.curves["metric"] == "validation_loss")]
    assert made.trials[0].intermediate_values == dict(zip(first["step"], first["value"], strict=True))
    assert result.answer is not None
    assert made.user_attrs["winner"] == result.answer.trial
    assert len(made.trials[result.answer.trial].user_attrs["confirmed"]) == 2
    assert result.optuna_study is made


def test_the_figures_of_optuna_can_be_drawn(result: Result) -> None:
    """Those of its matplotlib backend, from the study as it is."""
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as figures

    drawing = (
        figures.plot_optimization_history,
        figures.plot_intermediate_values,
        figures.plot_parallel_coordinate,
        figures.plot_slice,
    )
    for draw in drawing:
        with pytest.warns(optuna.exceptions.ExperimentalWarning):
            draw(result.optuna_study)
    pyplot.close("all")


def theirs(path: Path, direction: str = "maximize") -> str:
    """A study of somebody who calls a rate ``lr`` and writes optimizers in capitals."""
    url = f"sqlite:///{path}"
    other = optuna.create_study(study_name="theirs", storage=url, direction=direction)
    rate = optuna.distributions.FloatDistribution(1e-5, 10, log=True)
    names = optuna.distributions.CategoricalDistribution(["SGD", "Adam"])
    kinds = optuna.distributions.CategoricalDistribution(["ReLU", "Tanh"])
    for value, lr, state in (
        (0.9, 1e-2, TrialState.COMPLETE),
        (0.5, 5.0, TrialState.COMPLETE),
        (None, 2e-2, TrialState.FAIL),
    ):
        params = {"lr": lr, "optimizer": "Adam", "activation": "ReLU"}
        distributions = {"lr": rate, "optimizer": names, "activation": kinds}
        other.add_trial(create_trial(value=value, params=params, distributions=distributions, state=state))
    return url


SPACE = study(
    search={
        "space": {
            "optimizer": ["sgd", "adam"],
            "activation": ["relu", "tanh"],
            "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
        }
    }
).space


def test_a_study_of_somebody_else_becomes_earlier_knowledge(tmp_path: Path) -> None:
    """Its names are understood, what is maximised is turned round, what lies outside is left out and told."""
    found = from_optuna(SPACE, theirs(tmp_path / "their.db"))
    (trial,) = found.trials
    assert trial.parameters == {"optimizer": "adam", "activation": "relu", "learning_rate": 0.01}
    assert (trial.objective, trial.outcome) == (-0.9, Outcome.COMPLETED)
    assert (found.of, found.failed) == (3, 1)
    assert "1 of 3 trials informs the sampler; left out: 1 failed and 1 lies outside" in found.line()
    assert from_optuna(SPACE, f"sqlite:///{tmp_path}/their.db#theirs").trials == found.trials


def test_an_exported_run_comes_back(result: Result, tmp_path: Path) -> None:
    """The journal of a run is a study too: all of its trials inform another run of the same space."""
    found = from_optuna(result.study.space, str(result.folder / "journal.log"))
    assert [t.parameters for t in found.trials] == [t.parameters for t in result.summaries.values()]
    objectives = [t.objective for t in result.summaries.values() if math.isfinite(t.objective)]
    assert [t.objective for t in found.trials] == pytest.approx(objectives)


def test_what_cannot_inform_is_refused(tmp_path: Path) -> None:
    """No such file, several studies and no name, several objectives, other parameters: one message each."""
    url = theirs(tmp_path / "their.db")
    with pytest.raises(UserError, match=r"there is no file .*none\.db"):
        from_optuna(SPACE, f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(UserError, match=r"no study 'their' in it; did you mean 'theirs'\? allowed: theirs"):
        from_optuna(SPACE, f"{url}#their")
    optuna.create_study(study_name="two", storage=url, directions=["minimize", "maximize"])
    with pytest.raises(UserError, match=r"add #NAME of one of its studies: theirs, two"):
        from_optuna(SPACE, url)
    with pytest.raises(UserError, match=r"has 2 objectives; only one"):
        from_optuna(SPACE, f"{url}#two")
    elsewhere = study(search={"space": {"learning_rate": {"low": 1e-9, "high": 1e-8, "log": True}}}).space
    with pytest.raises(UserError, match=r"none of its 3 trials is a configuration of this study"):
        from_optuna(elsewhere, f"{url}#theirs")
