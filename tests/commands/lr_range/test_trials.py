"""Which short trainings a range test consists of."""

from dataclasses import replace

import numpy as np
from made_up import MIXED, study

from sweeper.commands.lr_range.trials import (
    MOST,
    TRAINING,
    VALIDATION,
    combinations,
    held,
    judged_by,
    range_task,
    range_trials,
    rates_of,
    varied,
)
from sweeper.data.load import load
from sweeper.study.settings import settings
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.training.stacked.engine import train_stack


def test_every_combination_at_every_rate() -> None:
    """Optimizers × scientific values × rates, numbered, on the search's seed."""
    asked = study(MIXED, seed=5)
    trials = range_trials(asked, 7)
    assert [trial.number for trial in trials] == list(range(3 * 2 * 7))
    assert {trial.seed for trial in trials} == {5}
    pairs = {(t.parameters["optimizer"], t.parameters["activation"]) for t in trials}
    assert len(pairs) == 6
    assert varied(asked) == ["optimizer", "activation"]
    for trial in trials:
        assert settings(asked, trial.parameters).learning_rate == trial.parameters["learning_rate"]


def test_what_is_not_compared_is_held() -> None:
    """Weights that may be off are off, other ranges at their middle, lists at their first value."""
    asked = study(MIXED)
    expected = {"activation_penalty": 0.0, "betas": (0.9, 0.999), "model.depth": 1, "model.width": 36}
    assert held(asked) == {**expected, "training.batch_size": 32}


def test_too_many_combinations_are_varied_one_at_a_time() -> None:
    """3 × 2 × 3 × 16 > 24: each parameter alone, no configuration twice."""
    asked = study(MIXED, scientific=["optimizer", "activation", "model.depth", "model.width"])
    every = combinations(asked)
    assert len(every) == 3 + 1 + 2 + 15
    assert len(every) <= MOST
    assert len({str(sorted(each.items(), key=str)) for each in every}) == len(every)


def test_rates_reach_a_decade_beyond_the_study() -> None:
    """Log-spaced; conditional ranges count; a single rate is surrounded by two decades."""
    space = study(MIXED).space
    sgd, adam = rates_of(space, "sgd"), rates_of(space, "adam")
    assert len(sgd) == 64
    np.testing.assert_allclose([sgd[0], sgd[-1], adam[0], adam[-1]], [1e-4, 100, 1e-5, 10])
    np.testing.assert_allclose(sgd[1:] / sgd[:-1], sgd[1] / sgd[0])
    fixed = study({"optimizer": "sgd", "learning_rate": 0.1}).space
    np.testing.assert_allclose(rates_of(fixed, "sgd")[[0, -1]], [1e-3, 10])


def test_trainings_are_short_and_at_constant_rate() -> None:
    """Whatever the study says of length and schedule, searched or not."""
    space = {**MIXED, "training.epochs": [5, 10], "schedule": ["cosine", "constant"]}
    asked = study(space, scientific=["optimizer", "schedule", "training.epochs"])
    task = range_task(Task(asked, load("digits", loss_task="classification")), 12)
    for trial in range_trials(asked, 5):
        found = settings(task.study, trial.parameters)
        assert (found.total_steps(1000), found.schedule, found.evaluations) == (12, "constant", 1)
    assert task.study.folder == asked.folder


def test_trainings_go_without_layers_in_both_engines() -> None:
    """Layers are not measured, which changes no loss."""
    asked = study({"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, "model.width": 8})
    task = range_task(Task(asked, load("digits", loss_task="classification")), 6)
    trial = range_trials(asked, 5)[2]
    alone, (stacked,) = train(task, trial), train_stack(task, [trial], 1)
    assert (alone.layers, stacked.layers) == ((), ())
    measured = train(task, replace(trial, measured=True))
    assert measured.layers
    assert measured.curves == alone.curves


def test_weights_of_classes_make_training_losses_rank() -> None:
    """A whole test of a few rates: training losses in quarters of each training."""
    for extra in ({"class_weight": "balanced"}, {}):
        asked = study(MIXED)
        if extra:
            asked = asked.model_copy(update={"training": asked.training.model_copy(update=extra)})
        assert judged_by(asked) == (TRAINING if extra else VALIDATION)
        task = range_task(Task(asked, load("digits", loss_task="classification")), 8)
        trial = range_trials(asked, 3)[1]
        steps, losses = train(task, trial).objectives(judged_by(asked))
        assert steps == ([2, 4, 6, 8] if extra else [0, 8])
        assert len(losses) == len(steps)
