"""The order in which work is handed out."""

from dataclasses import replace

import pytest
from made_up import MIXED, result, study

from sweeper.data.load import load
from sweeper.study.settings import settings as settings_of
from sweeper.training.cohort import Cohort, singles
from sweeper.training.durations import Durations
from sweeper.training.planning import steps_of
from sweeper.training.setup import Task
from sweeper.trial import Trial


def durations(**space: object) -> Durations:
    """Of a study on digits."""
    asked = study({"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, **space}, trials=4)
    return Durations(Task(asked, load("digits")))


def trial(number: int, **parameters: object) -> Trial:
    """With these parameters."""
    named = {name.replace("__", "."): value for name, value in parameters.items()}
    return Trial(
        number, "explore", 0, {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, **named}
    )


def test_more_epochs_come_first() -> None:
    """Before anything was measured, by the rows that a training sees; equal ones keep their order."""
    known = durations(**{"training.epochs": [2, 9]})
    cohorts = singles([trial(k, training__epochs=epochs) for k, epochs in enumerate((2, 9, 2, 9))])
    assert [c.trials[0].number for c in known.longest_first(cohorts)] == [1, 3, 0, 2]
    large = Cohort((*cohorts[0].trials, *cohorts[2].trials, *cohorts[1].trials))
    assert known.longest_first([cohorts[1], large])[0] == large


def test_what_was_measured_counts() -> None:
    """Of trainings that were alike, or the nearest in size: here a wider model is slower."""
    known = durations(**{"model.width": {"low": 4, "high": 1024}})
    for width, seconds in ((8, 1.0), (512, 30.0)):
        known.learn([replace(result(trial(0, model__width=width), 0.1), seconds=seconds)])
    assert 20 < known.of(trial(1, model__width=600)) / known.of(trial(2, model__width=6)) < 40
    cohorts = singles([trial(k, model__width=width) for k, width in enumerate((5, 900, 7, 300))])
    assert [c.trials[0].number for c in known.longest_first(cohorts)] == [1, 3, 0, 2]


def test_where_nothing_differs_the_order_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked up then: ten thousand trials cost nothing."""
    known = durations()
    monkeypatch.setattr(Durations, "of", lambda *_: pytest.fail("looked up"))
    cohorts = singles([trial(k) for k in (3, 1, 2)])
    assert known.longest_first(cohorts) == cohorts


@pytest.mark.parametrize(
    "parameters", [{"training__batch_size": "full"}, {"activation_penalty": 0.0}, {"betas": (0.8, 0.9)}, {}]
)
def test_every_kind_of_parameter_has_a_length(parameters: dict[str, object]) -> None:
    """Full batches, zeros, pairs, and a parameter that this trial lacks: rows, where nothing was measured."""
    known = Durations(Task(study(MIXED, trials=4), load("digits")))
    asked = trial(0, **{"model__depth": 2, "model__width": 8, **parameters})
    settings = settings_of(known._task.study, asked.parameters)
    rows = known._task.data.rows if settings.batch_size == "full" else settings.batch_size
    assert known.of(asked) == steps_of(known._task, asked) * rows
